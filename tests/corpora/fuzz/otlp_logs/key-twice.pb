
2
key
key
text