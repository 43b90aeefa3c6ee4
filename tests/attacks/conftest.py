"""The running application on a copy of the demo site."""

from tests.web.conftest import seeded, site  # noqa: F401  # fixtures
