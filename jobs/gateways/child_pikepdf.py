"""What pikepdf raises over files that are not what they say. Runs in the child only.

Loading pikepdf takes 0.1 s: import this where it is used.
"""

from __future__ import annotations

import pikepdf

__all__ = ["TROUBLE", "pikepdf"]

# QpdfRuntimeError and PasswordError are no PdfError. A hostile object is of any type and any size.
TROUBLE = (
    pikepdf.PikepdfError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
)
