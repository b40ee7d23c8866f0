"""Mean average precision as published for MCSM and the nine methods it was compared with.

All on the features of one laboratory: VGG-19 for pictures, a convolutional network over word vectors for texts.

Paper: Peng, Qi and Yuan, Modality-specific Cross-modal Similarity Measurement with Recurrent Attention Network,
IEEE Transactions on Image Processing 27(11), 2018, the tables of MAP over all results.
"""

from collections.abc import Mapping
from dataclasses import dataclass

NOTE = (
    "Published results use other features (VGG-19, word CNN) and, in some cases, other splits; "
    "they are not comparable with ours."
)
"""The note that must accompany the published results wherever they are shown."""


@dataclass(frozen=True)
class Figures:
    """Mean average precision over all results, as printed, to three digits."""

    image_to_text: float
    """Picture queries, text gallery."""
    text_to_image: float
    """Text queries, picture gallery."""
    average: float
    """The mean of both, rounded by the authors from unrounded figures."""


PUBLISHED: Mapping[str, Mapping[str, Figures]] = {
    "wikipedia": {
        "cca": Figures(0.298, 0.273, 0.286),
        "cfa": Figures(0.319, 0.316, 0.318),
        "kcca": Figures(0.438, 0.389, 0.414),
        "jrl": Figures(0.479, 0.428, 0.454),
        "lgcfl": Figures(0.466, 0.431, 0.449),
        "dcca": Figures(0.445, 0.399, 0.422),
        "corr-ae": Figures(0.442, 0.429, 0.436),
        "cmdn": Figures(0.487, 0.427, 0.457),
        "deep-sm": Figures(0.478, 0.422, 0.450),
        "mcsm": Figures(0.516, 0.458, 0.487),
    },
    "pascal-sentence": {
        "cca": Figures(0.203, 0.208, 0.206),
        "cfa": Figures(0.476, 0.470, 0.473),
        "kcca": Figures(0.488, 0.446, 0.467),
        "jrl": Figures(0.563, 0.505, 0.534),
        "lgcfl": Figures(0.539, 0.503, 0.521),
        "dcca": Figures(0.568, 0.509, 0.539),
        "corr-ae": Figures(0.532, 0.521, 0.527),
        "cmdn": Figures(0.544, 0.526, 0.535),
        "deep-sm": Figures(0.560, 0.539, 0.550),
        "mcsm": Figures(0.598, 0.598, 0.598),
    },
    "xmedianet": {
        "cca": Figures(0.212, 0.217, 0.215),
        "cfa": Figures(0.252, 0.400, 0.326),
        "kcca": Figures(0.252, 0.270, 0.261),
        "jrl": Figures(0.488, 0.405, 0.447),
        "lgcfl": Figures(0.441, 0.509, 0.475),
        "dcca": Figures(0.425, 0.433, 0.429),
        "corr-ae": Figures(0.469, 0.507, 0.488),
        "cmdn": Figures(0.485, 0.516, 0.501),
        "deep-sm": Figures(0.399, 0.342, 0.371),
        "mcsm": Figures(0.540, 0.550, 0.545),
    },
}
"""By data set, then by method, both as diptych names them."""
