"""See why: what each region of a picture and each word of a text did to a similarity."""
