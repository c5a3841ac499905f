"""Public data sets by name: registry, download, conversion, and where they lie."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = [
    "Bunch",
    "check_name",
    "fetch_dataset",
    "get_data_home",
    "list_datasets",
    "prepare_dataset",
]

if TYPE_CHECKING:
    from fasttext_lite.datasets.fetch import (
        Bunch,
        check_name,
        fetch_dataset,
        get_data_home,
        list_datasets,
        prepare_dataset,
    )

__getattr__, __dir__ = face(
    __name__,
    {
        "Bunch": "fasttext_lite.datasets.fetch",
        "check_name": "fasttext_lite.datasets.fetch",
        "fetch_dataset": "fasttext_lite.datasets.fetch",
        "get_data_home": "fasttext_lite.datasets.fetch",
        "list_datasets": "fasttext_lite.datasets.fetch",
        "prepare_dataset": "fasttext_lite.datasets.fetch",
    },
)
