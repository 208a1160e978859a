import pytest


@pytest.fixture(autouse=True)
def pages(request):
    """Runs leave a page where a test is marked `page`, and nowhere else."""
    request.getfixturevalue("drawn_once" if request.node.get_closest_marker("page") else "no_page")
