"""labelaudit: find the wrong labels in an image dataset."""

from labelaudit.client import Client

__all__ = ["Client"]
