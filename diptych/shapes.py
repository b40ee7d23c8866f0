"""The names of axes, one glossary for every annotated array.

    b    items in a batch             n    items in a set
    q    queries                      g    items in the gallery
    k    results kept                 c    categories
    r    regions of a picture         t    words (or sub-words) of a text
    p    parts of either: regions or words
    d    width of a feature           d_v  width of a region
    d_w  width of a word              d_s  width of a semantic space

Similarities are (q, g): rows are queries, columns the gallery, and larger means more alike.
Signatures use these letters with jaxtyping (`Float[Tensor, "b r d_v"]`); they are checked by beartype
while the tests run and cost nothing otherwise.
"""
