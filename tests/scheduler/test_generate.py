"""The page of rules is as the tables are, and every proof it names exists."""

import ast
from pathlib import Path

import pytest

from core.texts import catalogue
from scheduler.generate import TARGET, page
from scheduler.rules import RULES
from scheduler.safeguards import SAFEGUARDS

ROOT = Path(__file__).parent.parent.parent
PROOFS = sorted({*(proof for rule in RULES for proof in rule.proofs), *(s.proof for s in SAFEGUARDS)})


def test_the_page_is_as_the_tables_are():
    """Whoever changes a rule generates the page anew."""
    assert TARGET.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("proof", PROOFS)
def test_every_proof_exists(proof):
    """A rule without a test that proves it is not listed."""
    path, name = proof.split("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_rule_has_a_proof_and_chinese_words():
    """Title, sentence and exceptions are translated."""
    chinese = catalogue("zh-CN")
    for rule in RULES:
        assert rule.proofs
        assert all(text in chinese for text in (rule.title, rule.text, *rule.exceptions.values())), rule.id
