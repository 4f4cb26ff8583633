
	Jshort