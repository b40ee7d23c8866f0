"""The store that docs/guide/extending.md prints keeps the contract of stores."""

from collections.abc import Callable, Iterator

import pytest

from tests.guide_package import installed

from .test_contract import (
    test_a_store_opened_again_holds_what_it_held,
    test_a_table_made_anew_is_empty_and_of_another_version,
    test_a_table_widens_while_others_use_it,
    test_a_write_that_cannot_be_leaves_the_table_as_it_was,
    test_all_items_come_back_as_they_were_written,
    test_an_empty_table_answers_everything,
    test_blocks_bring_every_vector_once,
    test_compaction_changes_nothing_that_is_read,
    test_every_write_is_seen_at_once_through_another_handle,
    test_in_a_moment_all_is_read_that_was_acknowledged_before_it,
    test_items_are_counted_and_listed_by_side,
    test_items_are_read_in_the_order_named_and_strangers_are_left_out,
    test_nothing_is_there_until_something_is_made,
    test_pages_follow_one_another_in_the_order_of_code_points,
    test_stores_at_one_place_do_not_meet,
    test_tables_come_and_go,
    test_the_record_is_what_was_remembered_last,
    test_thousands_of_ids_may_be_named_at_once,
    test_threads_share_a_table,
    test_what_was_removed_is_gone_and_may_come_again,
    test_writing_again_replaces_the_whole_item,
)
from .test_contract_conditions import (
    test_a_search_under_a_condition_returns_k_wherever_k_meet_it,
    test_conditions_may_be_deep,
    test_conditions_may_be_wide,
    test_every_leaf_means_what_it_says,
    test_every_tree_of_conditions_means_what_it_says,
    test_reading_named_items_under_a_condition,
    test_whatever_filter_is_read_every_store_understands,
)
from .test_contract_processes import (
    test_a_killed_writer_loses_nothing_that_was_acknowledged,
    test_compaction_and_reading_go_on_beside_a_writer,
    test_two_writing_processes_both_succeed,
)
from .test_contract_searching import (
    test_a_query_of_another_width_is_refused,
    test_among_equals_the_lesser_id_comes_first,
    test_exact_search_is_brute_force,
    test_k_may_be_larger_than_the_number_of_items,
    test_one_item_is_found,
    test_search_is_exact_in_2048_dimensions,
    test_similarity_is_the_inner_product_and_not_the_cosine,
    test_what_half_precision_rounds_is_compared_as_it_was_rounded,
)

__all__ = [
    "test_a_killed_writer_loses_nothing_that_was_acknowledged", "test_a_query_of_another_width_is_refused",
    "test_a_search_under_a_condition_returns_k_wherever_k_meet_it", "test_a_store_opened_again_holds_what_it_held",
    "test_a_table_made_anew_is_empty_and_of_another_version", "test_a_table_widens_while_others_use_it",
    "test_a_write_that_cannot_be_leaves_the_table_as_it_was", "test_all_items_come_back_as_they_were_written",
    "test_among_equals_the_lesser_id_comes_first", "test_an_empty_table_answers_everything",
    "test_blocks_bring_every_vector_once", "test_compaction_and_reading_go_on_beside_a_writer",
    "test_compaction_changes_nothing_that_is_read", "test_conditions_may_be_deep", "test_conditions_may_be_wide",
    "test_every_leaf_means_what_it_says", "test_every_tree_of_conditions_means_what_it_says",
    "test_every_write_is_seen_at_once_through_another_handle", "test_exact_search_is_brute_force",
    "test_in_a_moment_all_is_read_that_was_acknowledged_before_it", "test_items_are_counted_and_listed_by_side",
    "test_items_are_read_in_the_order_named_and_strangers_are_left_out",
    "test_k_may_be_larger_than_the_number_of_items", "test_nothing_is_there_until_something_is_made",
    "test_one_item_is_found", "test_pages_follow_one_another_in_the_order_of_code_points",
    "test_reading_named_items_under_a_condition", "test_search_is_exact_in_2048_dimensions",
    "test_similarity_is_the_inner_product_and_not_the_cosine", "test_stores_at_one_place_do_not_meet",
    "test_tables_come_and_go", "test_the_record_is_what_was_remembered_last",
    "test_thousands_of_ids_may_be_named_at_once", "test_threads_share_a_table",
    "test_two_writing_processes_both_succeed", "test_what_half_precision_rounds_is_compared_as_it_was_rounded",
    "test_what_was_removed_is_gone_and_may_come_again", "test_whatever_filter_is_read_every_store_understands",
    "test_writing_again_replaces_the_whole_item",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the package of the guide."""
    with installed(tmp_path_factory.mktemp("package")):
        yield


@pytest.fixture(scope="module")
def new_uri(package: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Return a function that returns, at each call, the URI of a store that does not exist yet."""
    return lambda: f"sqlite://{tmp_path_factory.mktemp('sqlite')}/collection"
