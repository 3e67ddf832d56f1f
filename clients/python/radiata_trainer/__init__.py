"""Radiata's reference trainer."""

__version__ = "0.1.0"
