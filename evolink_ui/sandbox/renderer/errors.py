"""What can go wrong with a rendering, in words that a visitor may read.

RenderError            the picture or the video can't be used; `code` is one of the vendor's own error codes
"""


class RenderError(Exception):
    """A picture or a video that can't be turned into a result.

    Args:
        code: the vendor's code for a failed task (`invalid_parameters`, `image_processing_error`, `service_error`).
        message: what is wrong and what to do next, without paths and without a library's own words.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
