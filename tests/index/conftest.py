"""Fixtures for every test of stores, and which of them are left out unless all are wanted."""

import pytest

from .servers_milvus import milvus_lite_server, milvus_process, milvus_server
from .servers_postgresql import postgresql_server
from .stores import filled, kind, new_uri, several_processes, shared_store, store

__all__ = [
    "filled", "kind", "milvus_lite_server", "milvus_process", "milvus_server", "new_uri", "postgresql_server",
    "several_processes", "shared_store", "store",
]  # fmt: skip

SHORT = (
    "test_a_killed_writer_loses_nothing_that_was_acknowledged",
    "test_a_search_under_a_condition_returns_k_wherever_k_meet_it",
    "test_a_server_killed_in_mid_ingest_loses_nothing_that_was_acknowledged",
    "test_a_store_opened_again_holds_what_it_held",
    "test_all_items_come_back_as_they_were_written",
    "test_an_approximate_search_under_a_condition_returns_k",
    "test_every_write_is_seen_at_once_through_another_handle",
    "test_exact_search_is_brute_force",
    "test_in_a_moment_all_is_read_that_was_acknowledged_before_it",
    "test_search_is_exact_in_2048_dimensions",
    "test_two_writing_processes_both_succeed",
    "test_what_was_removed_is_gone_and_may_come_again",
)
"""What is always tested with a Milvus server, which takes seconds for what others do in hundredths."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the other tests with a Milvus server as thorough."""
    for item in items:
        wants: list[str] = getattr(item, "fixturenames", [])
        kinds = getattr(item, "callspec", None) and item.callspec.params.get("kind")  # type: ignore[attr-defined]
        served = kinds == "milvus" if kinds else "milvus_server" in wants or "milvus_process" in wants
        if served and getattr(item, "originalname", "") not in SHORT:
            item.add_marker(pytest.mark.thorough)
