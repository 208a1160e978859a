import pytest


@pytest.fixture(autouse=True)
def pages(request):
    """Runs leave a page where a test is marked `page`, and nowhere else."""
    if request.node.get_closest_marker("page") is None:
        request.getfixturevalue("no_page")
