
2
key
text