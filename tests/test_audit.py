"""What the audit of dependencies makes of the service's answer."""

from scripts.audit import NOT_AUDITED, judge

GOOD = {"name": "a", "version": "1", "vulns": []}
WEAK = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}, {"id": "GHSA-2"}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


def test_a_known_weakness_fails() -> None:
    """Each with its name, its number and the version that mends it."""
    lines, code = judge({"dependencies": [GOOD, WEAK, UNKNOWN]})
    assert code == 1
    assert lines[0] == "b 2: PYSEC-1, mended in 2.1"
    assert lines[1].endswith("no version yet")


def test_no_service_is_said_and_does_not_fail() -> None:
    """Offline, or before a mirror that knows no advisories: nobody may take silence for a clean audit."""
    for report in (None, {"dependencies": []}, {"dependencies": [UNKNOWN, UNKNOWN]}):
        assert judge(report) == ([NOT_AUDITED], 0)


def test_a_clean_audit_says_of_how_many() -> None:
    """And how many the service did not know."""
    assert judge({"dependencies": [GOOD, UNKNOWN]}) == (
        ["No known weakness in 1 packages; 1 are unknown to the service."],
        0,
    )
