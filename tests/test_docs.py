"""The documents hold what they promise: names in them exist, commands run, numbers are the real ones.

What is proven sentence by sentence stands in `test_docs_sentences.py`, and in the table `ELSEWHERE`
for those that other tests prove.
"""

import argparse
import dataclasses
import importlib
import inspect
import os
import re
import shlex
import sys
from pathlib import Path

import pytest
from documents import CLAIMS, DOCUMENTS, ROOT, blocks, code_of, commands, prose, says

from fasttext_lite.cli import app
from fasttext_lite.compat.files.arguments import BY_FLAG
from fasttext_lite.compat.program.usage import COMMANDS as FASTTEXT
from fasttext_lite.config.fields import Config
from fasttext_lite.estimators.classifier import FastTextClassifier

# Sentences that other tests prove: document, piece of the sentence, test.
ELSEWHERE = """
README.md | reads Chinese without preparation | test_readme.py::test_the_command_lines_run
README.md | works as a scikit-learn estimator | test_common_checks.py::test_texts
README.md | the format is recognised | test_corpus.py::test_each_format_by_content
README.md | plain or gzipped | test_corpus.py::test_each_format_compressed
README.md | `-` for stdin | test_corpus.py::test_each_format_on_stdin
README.md | `predict` streams | test_cli.py::test_predict_answers_before_the_input_ends
README.md | one line for each line of input | test_cli.py::test_one_line_of_output_for_each_line
README.md | lists every setting | test_cli.py::test_flags_cover_every_setting
README.md | `--preset fasttext` starts from fastText's | test_config.py::test_fasttext_preset_has_fasttexts_defaults
README.md | for the next training on it | test_streaming.py::test_the_cache_is_used_again
README.md | stops when the validation accuracy no longer grows | test_monitoring.py::test_the_best_weights_are_kept
README.md | A mistake in the input is one line on stderr | test_cli.py::test_bad_training_data
README.md | with the place, and exit code 2 | test_messages.py::test_what_a_command_says_is_in_the_table
README.md | tried on a part of the texts that is held out | test_ladder.py::test_what_is_held_out_has_no_part_in_what_features_weigh
README.md | better than the default by more than chance | test_ladder.py::test_one_or_two_texts_prove_nothing
README.md | The same held-out texts calibrate the probabilities | test_calibration.py::test_probabilities_of_fresh_texts_are_right_as_often_as_they_say
README.md | What you set yourself is not tried | test_ladder.py::test_what_is_set_is_not_tried
README.md | all labels of probability 0.5 or more | test_several_labels.py::test_decisions_are_what_the_classifier_predicts
README.md | print micro-F1, macro-F1 and *exact match* | test_several_labels.py::test_all_tell_the_same
README.md | `--patience` waits for | test_several_labels.py::test_patience_waits_for_exact_matches
README.md | and `score` returns | test_several_labels.py::test_the_tuner_and_the_ensemble_score_exact_matches
README.md | `test` with `-k` or `--threshold` prints fastText's P@k and R@k | test_several_labels.py::test_k_and_threshold_are_fasttexts
README.md | list, array or Series of str; any labels | test_contract.py::test_containers_of_texts
README.md | any labels | test_contract.py::test_label_types_come_back
README.md | rows sum to 1 | test_contract.py::test_probabilities_of_single_labels_sum_to_one
README.md | new words join the model | test_contract.py::test_partial_fit_learns_new_words
README.md | executes nothing | test_storage.py::test_nothing_in_a_file_is_executed
README.md | It clones | test_contract.py::test_clone_copies_parameters_and_no_training
README.md | pickles and works in | test_contract.py::test_pickle_and_deepcopy_give_the_same_estimator
README.md | `Pipeline` | test_contract.py::test_pipeline
README.md | `GridSearchCV` | test_contract.py::test_grid_search
README.md | `ColumnTransformer` | test_contract.py::test_text_and_numbers_in_one_table
README.md | voting and calibration | test_contract.py::test_voting
README.md | takes `sample_weight` | test_contract.py::test_only_ratios_of_sample_weights_matter
README.md | `class_weight` | test_contract.py::test_class_weight_equals_sample_weight
README.md | label lists or a 0/1 matrix | test_contract.py::test_indicator_matrix
README.md | texts that are cut into tokens already | test_contract.py::test_containers_of_token_lists
README.md | gives the document embeddings to other estimators | test_contract.py::test_transformer_gives_embeddings
README.md | reproducible to the bit | test_contract.py::test_one_thread_gives_the_same_bits
README.md | `load_model` reads a model without importing scikit-learn | test_layers.py::test_training_and_prediction_load_no_heavy_library
README.md | under a budget of time and model size | test_tuning.py::test_size_is_kept
README.md | it begins with the default | test_tuning.py::test_the_first_trial_is_the_settings_to_begin_with
README.md | better by more than a standard error | test_tuning.py::test_what_is_better_by_chance_does_not_count
README.md | by cross-validation in 5 folds | test_tuning.py::test_few_texts_are_cross_validated
README.md | if the time allows | test_tuning.py::test_a_short_time_does_without_folds
README.md | names rows of your own | test_cli_tune.py::test_validation_file
README.md | on one extraction of the features | test_ensemble.py::test_features_are_made_once
README.md | take its flags | test_first_hour.py::test_text_classification
README.md | write its files, which fastText reads | test_compat_cli.py::test_supervised_writes_what_fasttext_writes
README.md | compares both programs line by line | test_conformance.py::test_how_much_was_compared
README.md | exactly fastText's separators | test_tokenize.py::test_whitespace_is_exactly_fasttexts
README.md | each CJK character and Hangul syllable | test_tokenize.py::test_auto
README.md | those words and the tokens of `auto` | test_chinese.py::test_mixed_is_words_and_then_the_tokens_of_auto
README.md | jieba's to the last token | test_segmenter.py::test_words_are_those_of_jieba
README.md | hashed exactly as fastText hashes them | test_features.py::test_hashes_are_frozen
README.md | tf-idf times how much a feature tells about the labels | test_features.py::test_blocks_by_hand
README.md | rows are the labels' weights themselves | test_weights.py::test_a_linear_head_is_the_identity
README.md | labels that are hard to tell apart stand together | test_label_tree.py::test_similar_labels_share_nodes
README.md | so sorted files do no harm | test_training.py::test_sorted_rows_are_learnt_as_well_as_shuffled_ones
README.md | a learning rate that diverges is noticed and lowered | test_training.py::test_divergence_is_noticed_and_repaired
README.md | reads training files in chunks | test_streaming.py::test_chunks_equal_the_whole
README.md | the features are made in temporary files | test_streaming.py::test_features_made_in_files_are_read_back
README.md | those of long documents stay there | test_streaming.py::test_many_features_of_long_documents_stay_in_files
README.md | so that it is never stale | test_startup.py::test_an_upgrade_in_place_runs_the_new_code
README.md | may be replaced (saving renames) | test_storage.py::test_a_file_that_is_replaced_or_removed_serves_those_who_have_it
README.md | with another version they call jieba itself | test_segmenter.py::test_another_version_of_jieba_is_called_itself
README.md | A `.bin` has a row for every bucket | test_compat_binary.py::test_a_table_with_few_rows_is_written_with_all
README.md | slightly different weights each time | test_contract.py::test_without_random_state_runs_differ
README.md | label trees with more than 4,000 labels | test_ladder.py::test_of_very_many_labels_in_a_tree_nothing_is_tried
README.md | `partial_fit` copies the model | test_contract.py::test_partial_fit_leaves_models_given_away_alone
README.md | Its labels are fixed by the first call | test_contract.py::test_partial_fit_names_a_label_that_is_not_in_classes
docs/from-fasttext.md | All predictions are the same labels in the same order | test_conformance.py::test_dense
docs/from-fasttext.md | odd input | test_conformance.py::test_files_are_cut_into_the_same_examples
docs/from-fasttext.md | a label prefix of one's own | test_conformance.py::test_a_label_prefix_of_ones_own
docs/from-fasttext.md | prints how many lines it compared | test_conformance.py::test_how_much_was_compared
docs/from-fasttext.md | the order of ties | test_conformance.py::test_ties_come_in_fasttexts_order
docs/from-fasttext.md | the same flags, defaults, files and output | test_compat_cli.py::test_usage_names_flags_and_defaults
docs/from-fasttext.md | the same; `-input` only with `-retrain` | test_compat_cli.py::test_quantize_needs_no_input
docs/from-fasttext.md | rows of n-grams that are all zeros | test_compat_training.py::test_rows_of_zeros_are_left_out_of_a_model_from_a_file_too
docs/from-fasttext.md | `test M -` works from a pipe | test_compat_cli.py::test_gzipped_files_and_pipes_are_read
docs/from-fasttext.md | `test-label` prints the recall | test_compat_cli.py::test_per_label_metrics_have_fasttexts_form
docs/from-fasttext.md | `analogies` ends with its input | test_compat_cli.py::test_analogies_end_with_the_input
docs/from-fasttext.md | a label is a word without a row | test_compat_cli.py::test_a_label_has_ngrams_but_no_row_of_its_own
docs/from-fasttext.md | "The same output" is to the byte | test_compat_cli.py::test_output_is_that_of_fasttext
docs/from-fasttext.md | Mistakes end with one line and exit code 2 | test_compat_cli.py::test_a_mistake_is_one_line_and_code_2
docs/from-fasttext.md | is refused before training | test_compat_cli.py::test_search_writes_the_best_model
docs/from-fasttext.md | Where the wheel crashes or reads memory that is not its own | test_compat_api.py::test_where_fasttext_crashes
docs/from-fasttext.md | fastText's names, arguments, return shapes and types | test_compat_api.py::test_every_public_name_of_the_wheel_is_there
docs/from-fasttext.md | gzipped files, the bytes of a model in `load_model` | test_compat_api.py::test_load_model_takes_paths_and_bytes
docs/from-fasttext.md | `pickle` and `deepcopy` work | test_compat_api.py::test_pickle_and_copy
docs/from-fasttext.md | A meter asked for an unknown label | test_compat_api.py::test_meter_of_what_is_no_label
docs/from-fasttext.md | sorts the principal axes | test_compat_api.py::test_util_reduce_model
docs/from-fasttext.md | `download_model` keeps no packed file | test_compat_api.py::test_util_download_model
docs/from-fasttext.md | that the training text does not have are zeros | test_compat_training.py::test_rows_of_unseen_ngrams_are_zero
docs/from-fasttext.md | An example of several labels teaches all of them | test_compat_training.py::test_several_labels
docs/from-fasttext.md | With one thread and a seed the result is always the same | test_compat_training.py::test_one_thread_gives_the_same_bits
docs/from-fasttext.md | `-autotune-duration` is kept | test_compat_training.py::test_search
docs/from-fasttext.md | versions 11 and 12 | test_compat_binary.py::test_version_11_has_no_subwords
docs/from-fasttext.md | Every size is checked | test_compat_binary.py::test_impossible_numbers_are_named
docs/from-fasttext.md | a damaged file is named in one line | test_compat_binary.py::test_a_file_cut_anywhere_is_noticed
docs/from-fasttext.md | byte for byte what fastText writes for the same model | test_compat_api.py::test_save_model_writes_what_fasttext_wrote
docs/from-fasttext.md | It names what the format cannot hold | test_compat_convert.py::test_what_the_format_cannot_hold_is_named
docs/from-fasttext.md | unless `--prepared` says | test_compat_convert.py::test_prepared_texts_need_no_analyzer
docs/from-fasttext.md | labels with white space | test_compat_convert.py::test_labels_with_white_space_are_refused
docs/from-fasttext.md | in a `.ftz` they have no row and are left out | test_compat_convert.py::test_unknown_ngrams_are_left_out_where_the_format_prunes
docs/from-fasttext.md | `convert` to `.ftl` keeps features, rows and scores | test_compat_convert.py::test_from_fasttext
docs/from-fasttext.md | Skip-gram takes fastText's steps in fastText's order | test_word_training.py::test_skipgram_is_fasttexts_loop
docs/from-fasttext.md | CBOW keeps the sum | test_word_training.py::test_bag_of_words_is_fasttexts_loop
docs/from-fasttext.md | `-autotune-metric` takes | test_compat_training.py::test_metrics
docs/from-fasttext.md | whose file is not larger, to the byte | test_compat_training.py::test_the_size_of_a_file_is_known_to_the_byte
docs/from-fasttext.md | A trial that diverges is skipped | test_compat_training.py::test_search_without_a_trial_that_ends
docs/quantization.md | as many as fit into `--size` | test_quantization.py::test_a_size_is_met
docs/quantization.md | all numbers are rounded to multiples of one step | test_quantization.py::test_numbers_are_rounded_to_whole_steps
docs/quantization.md | is fastText's product quantisation | test_quantization.py::test_rows_as_product_quantised_codes
docs/quantization.md | Words without a row leave the vocabulary | test_quantization.py::test_the_rows_and_words_of_a_part_of_a_space
docs/quantization.md | Under a learned head the longest rows are kept | test_quantization.py::test_rows_are_kept_by_their_use
docs/quantization.md | says what its bytes are spent on | test_quantization.py::test_the_command
docs/quantization.md | A quantised model cannot be trained further | test_quantization.py::test_what_a_quantised_model_cannot_do
docs/quantization.md | the kept rows are trained from the start | test_quantization.py::test_training_again_with_the_rows_that_are_kept
docs/quantization.md | with the same result for any number of threads | test_quantization.py::test_same_result_for_any_number_of_threads
docs/datasets.md | `fetch` downloads a set once | test_datasets_fetch.py::test_fetch_dataset
docs/datasets.md | Neither NumPy nor scikit-learn is needed | test_datasets_fetch.py::test_sets_load_no_heavy_library
docs/datasets.md | runs of white space in a text are one space | test_datasets_fetch.py::test_clean
docs/datasets.md | they are checked when a set is made | test_datasets_fetch.py::test_wrong_row_counts
docs/datasets.md | unpinned address is tried only where a SHA-256 is known | test_datasets_fetch.py::test_404_tries_the_next_url
docs/datasets.md | SHA-256 of the first download is recorded | test_datasets_fetch.py::test_without_a_checksum_the_first_download_is_recorded
docs/datasets.md | Without it in the platform's folder for caches | test_datasets_fetch.py::test_get_data_home
docs/datasets.md | before anything else and without a network | test_datasets_fetch.py::test_the_offline_folder_comes_first
docs/datasets.md | `URL/host/path` | test_datasets_fetch.py::test_mirror
docs/datasets.md | goes on where it stopped | test_datasets_fetch.py::test_a_broken_connection_is_resumed
docs/datasets.md | after growing pauses | test_datasets_fetch.py::test_passing_errors_are_retried_with_growing_pauses
docs/datasets.md | A file with a wrong checksum is deleted | test_datasets_fetch.py::test_wrong_checksum_deletes_the_file
docs/datasets.md | Redirects from https to anything weaker are refused | test_datasets_fetch.py::test_redirects_to_weaker_schemes_are_refused
docs/datasets.md | read as streams, as regular files alone | test_datasets_fetch.py::test_links_and_folders_are_refused
docs/datasets.md | of at most 1 GiB each | test_datasets_fetch.py::test_members_have_a_limit
docs/datasets.md | files are written under temporary names and renamed | test_datasets_fetch.py::test_a_failed_set_leaves_no_half
docs/datasets.md | wait for each other | test_datasets_fetch.py::test_concurrent_fetches_download_once
docs/datasets.md | says what to download and where to put it | test_datasets_fetch.py::test_a_set_that_comes_by_hand
docs/startup.md | compiles in memory | test_startup.py::test_where_no_folder_can_be_made_it_compiles_in_memory
docs/startup.md | new code: the content is hashed | test_startup.py::test_an_upgrade_in_place_runs_the_new_code
docs/startup.md | written anew; a checksum finds lost pages | test_startup.py::test_a_damaged_file_is_written_anew
docs/startup.md | files of their own | test_startup.py::test_code_without_checks_is_not_served_to_a_run_with_checks
docs/startup.md | folder that can be read but not written | test_startup.py::test_a_folder_that_is_only_readable_is_read
docs/startup.md | another processor on a shared home | test_startup.py::test_another_processor_compiles_for_itself
docs/startup.md | or another interpreter has other names | test_startup.py::test_another_python_has_other_files
docs/startup.md | If some value cannot be described | test_startup.py::test_what_cannot_be_described_is_compiled_each_time
docs/startup.md | The folder is `NUMBA_CACHE_DIR` if that is set | test_startup.py::test_a_chosen_folder_is_the_only_one
docs/startup.md | `--help` imports neither NumPy nor Numba | test_layers.py::test_help_loads_neither_numpy_nor_numba
docs/startup.md | A test looks | test_layers.py::test_kernel_files_are_closed
docs/startup.md | no import is ever blocked | test_startup.py::test_imports_block_nothing
docs/startup.md | collects garbage rarely | test_startup.py::test_the_collector_is_tuned_in_our_own_process_alone
docs/speed.md | A file of 481 MB is mapped | test_storage.py::test_arrays_are_mapped_and_read_only
docs/speed.md | Many Python threads may share a model | test_model.py::test_many_python_threads_at_once
docs/speed.md | Each thread works on its own copy | test_training.py::test_threads_have_an_output_table_of_their_own_where_all_of_it_changes
docs/speed.md | 1,024 runs of 16 neighbours | test_streaming.py::test_documents_in_files_are_visited_once_an_epoch
docs/accuracy.md | which also see where the text begins and ends | test_features.py::test_word_ngrams_see_where_a_text_begins_and_ends
docs/accuracy.md | also trigrams | test_config.py::test_long_texts_have_longer_ngrams_under_a_linear_head
docs/accuracy.md | (1 + ln tf) * (ln((1 + N) / (1 + df)) + 1) * KL^a | test_features.py::test_blocks_by_hand
docs/accuracy.md | how far the labels of the texts that have the feature are | test_features.py::test_gains_by_hand
docs/accuracy.md | empirical Bayes by the method of moments | test_features.py::test_the_pseudo_count_is_that_of_the_texts_agreement
docs/accuracy.md | The seed alone decides | test_ladder.py::test_the_seed_alone_decides
docs/accuracy.md | nothing is tried or calibrated | test_ladder.py::test_too_few_texts_tell_nothing
docs/accuracy.md | calibrate the very model | test_ladder.py::test_of_many_texts_some_are_set_aside_to_calibrate_the_model_itself
docs/accuracy.md | sigmoid(scale * score) ** power | test_calibration.py::test_scale_and_power_are_found_again
docs/accuracy.md | The order of the labels never changes | test_calibration.py::test_a_calibration_is_kept_by_files_pickles_and_quantisation
docs/accuracy.md | No character is lost | test_tokenize.py::test_no_character_of_unicode_is_lost
docs/accuracy.md | Hangul is cut into syllables | test_tokenize.py::test_hangul_is_cut_alike_in_both_normal_forms
docs/accuracy.md | n-grams of up to four tokens | test_tokenize.py::test_the_longest_ngram_follows_the_script
docs/accuracy.md | features that fewer than 5 texts have are dropped | test_config.py::test_many_texts_drop_rare_features
docs/accuracy.md | Large tables are float16 | test_config.py::test_a_large_table_is_float16_where_that_is_possible
docs/accuracy.md | the most frequent features are kept, 30 for each | test_config.py::test_long_documents_keep_their_most_frequent_features
docs/accuracy.md | squared hinge in place of softmax, up to 1,000 labels | test_config.py::test_what_is_left_open
docs/accuracy.md | Label smoothing is 0.02 | test_config.py::test_label_smoothing_is_chosen_by_loss_and_labels
docs/accuracy.md | average linkage | test_config.py::test_trees
docs/architecture.md | A room imports only from rooms above it | test_layers.py::test_rooms_import_from_rooms_above_them
docs/architecture.md | name that is in no table raises | test_choices.py::test_an_unknown_name_raises
docs/architecture.md | without it, tests fail by name | test_train_kernels.py::test_the_mixes_use_every_part
docs/architecture.md | fails if a kernel file has no kernel test | test_layers.py::test_every_kernel_file_has_a_kernel_test
docs/architecture.md | Public names are those of | test_layers.py::test_public_names_exist
docs/architecture.md | pickles of 0.1.0 load | test_pickles.py::test_older_pickles_predict_as_they_did
docs/architecture.md | Nothing old is ever loaded | test_startup.py::test_other_versions_have_other_files
docs/zh.md | 格式自动识别 | test_corpus.py::test_each_format_by_content
docs/zh.md | 一字不差 | test_segmenter.py::test_words_are_those_of_jieba
docs/zh.md | 安装的 jieba 不是 0.42.1 时，会提示一次 | test_segmenter.py::test_another_version_of_jieba_is_called_itself
docs/zh.md | 内容存进模型 | test_chinese.py::test_a_model_keeps_its_words
docs/zh.md | 按字转换 | test_chinese.py::test_traditional_characters_become_simplified
docs/zh.md | 可以给列表 | test_chinese.py::test_the_estimator_takes_lists
docs/zh.md | `@文件` 表示从文件读取 | test_chinese.py::test_the_command_line_reads_files
docs/zh.md | 每一轮都会打乱 | test_training.py::test_order_of_visits
docs/zh.md | 用一个线程，结果每次相同 | test_contract.py::test_one_thread_gives_the_same_bits
docs/zh.md | 所有标签的概率之和为 1 | test_contract.py::test_probabilities_of_single_labels_sum_to_one
docs/zh.md | 下载会续传 | test_datasets_fetch.py::test_a_broken_connection_is_resumed
docs/zh.md | 画图时会自动找到 | test_plotting.py::test_missing_fonts_are_told_once
CONTRIBUTING.md | There is no circle of files | test_layers.py::test_files_import_in_no_circle
CONTRIBUTING.md | have at most 60 lines | test_layers.py::test_functions_are_short
CONTRIBUTING.md | of earlier versions load | test_pickles.py::test_all_pickles_are_tested
bench/README.md | imports all of them | test_bench.py::test_every_benchmark_imports
bench/README.md | They are made by rule, the same each time | test_bench.py::test_skewed_labels
bench/README.md | One function scores all contenders | test_bench.py::test_scores_are_scikit_learns
datasets/README.md | no text stands twice | test_datasets.py::test_lines_are_labels_and_different_texts
"""
PROVEN = [tuple(part.strip() for part in line.split(" | ")) for line in ELSEWHERE.split("\n")[1:-1]]

# Tools that documents name beside ours, whose flags are their own.
FOREIGN = {
    "-m", "-i", "-c", "-O3", "-march=native", "-e", "--flag", "-flag", "-X", "-f", "-t", "-",
}  # fmt: skip
OF_OTHERS = {"datasets/NAME/dataset_infos.json"}  # files of other projects
CONTENDERS = {"auto", "char", "jieba", "mixed"}  # a benchmark calls an analyzer by our name and its
OF_FUNCTIONS = {
    "time", "data_home", "download_if_missing", "validation_data", "X", "y", "texts", "size",
    "callbacks", "method", "n_trials", "thread", "dim", "C", "cache",
}  # fmt: skip


@pytest.mark.parametrize(("document", "quote", "test"), PROVEN, ids=[row[1][:40] for row in PROVEN])
def test_what_other_tests_prove_is_still_said(document, quote, test):
    assert says(document, quote), f"{document} no longer says: {quote}"
    file, name = test.split("::")
    assert f"\ndef {name}(" in (ROOT / "tests" / file).read_text("utf-8")


def test_no_sentence_is_proven_twice():
    import test_docs_sentences  # noqa: F401 - it fills the list of claims

    pieces = [row[:2] for row in PROVEN] + [claim[:2] for claim in CLAIMS]
    assert len(pieces) > 250
    assert not [piece for piece in set(pieces) if pieces.count(piece) > 1]


# -- names ----------------------------------------------------------------------------------------


def flags_of_commands() -> set[str]:
    """Return all flags of our commands."""
    found, waiting = set(), [app.make_parser()]
    while waiting:
        parser = waiting.pop()
        for action in parser._actions:
            found |= set(action.option_strings)
            if isinstance(action, argparse._SubParsersAction):
                waiting += action.choices.values()
    return found


class ParsedError(Exception):
    """Stops a benchmark once its command line is understood."""


@pytest.fixture
def parse_bench(monkeypatch, tmp_path):
    """Return a function that parses the command line of a benchmark and runs nothing."""
    real = argparse.ArgumentParser.parse_args

    def parse(self, *args, **kwargs):
        real(self, *args, **kwargs)
        raise ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
    monkeypatch.setenv("FASTTEXT_LITE_DATA", str(tmp_path))

    def parse_bench(name, words):
        with pytest.raises(ParsedError):
            main = importlib.import_module(name).main
            monkeypatch.setattr(sys, "argv", [name, *words])
            main(words) if inspect.signature(main).parameters else main()

    return parse_bench


BENCH_COMMANDS = sorted(
    {
        (document, line.replace("[", "").replace("]", "").split("#")[0].strip())
        for document in DOCUMENTS
        for line in commands(document) + code_of(document)
        if line.startswith("python -m bench.") and "SET OUTPUT" not in line
    }
)


@pytest.mark.parametrize(("document", "line"), BENCH_COMMANDS)
def test_command_lines_of_benchmarks_are_understood(document, line, parse_bench):
    _, _, name, *words = shlex.split(" ".join(line.split()).replace("[", "").replace("]", ""))
    if name in ("bench.quantization", "bench.plots") and not words:
        words = ["thucnews"]
    if name == "bench.word_vectors" and "--data-dir" not in words:
        words += ["--data-dir", "DIR"]
    parse_bench(name, words)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_flags_in_prose_exist(document, parse_bench):
    known = flags_of_commands() | {f"-{flag}" for flag in BY_FLAG} | FOREIGN
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "bench").rglob("*.py"))
    for code in code_of(document):
        if re.match(r"(pip|iconv|g\+\+|cat|kill) ", code):
            continue
        for flag in re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*(?:=native)?", code):
            assert flag in known or f'"{flag}"' in sources, f"{document}: {flag} in `{code}`"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_parameters_in_prose_exist(document):
    known = {field.name for field in dataclasses.fields(Config)} | OF_FUNCTIONS
    known |= set(FastTextClassifier().get_params())
    for code in code_of(document):
        for call in re.findall(r"\b(?:FastText\w+)\((.*?)\)", code):
            for name in re.findall(r"(\w+)=", call):
                assert name in known, f"{document}: {name} in `{code}`"
        if match := re.fullmatch(r"([a-z]\w*)=\S*", code):
            assert match[1] in known, f"{document}: `{code}`"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", DOCUMENTS[document]):
        if not link.startswith("http"):
            assert (ROOT / document).parent.joinpath(link).exists(), f"{document}: {link}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_and_folders_named_in_prose_exist(document):
    for code in code_of(document):
        if re.fullmatch(r"(bench|docs|tests|tools|fasttext_lite|datasets)/[\w./*-]+", code):
            places = [ROOT, ROOT / "fasttext_lite"]
            found = [path for place in places for path in place.glob(code.rstrip("/"))]
            assert found or code in OF_OTHERS, f"{document}: {code}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_said_to_stand_in_a_file_stands_there(document):
    text = " ".join(prose(document).split())
    for names, path in re.findall(
        r"((?:`\w+`(?:, | or | and )?)+) (?:of|in) `([\w./]+\.py)`", text
    ):
        files = [base / path for base in (ROOT, ROOT / "fasttext_lite") if (base / path).exists()]
        assert files, f"{document}: {path}"
        for name in re.findall(r"`(\w+)`", names):
            source = files[0].read_text("utf-8")
            assert re.search(rf"\b{name}\b", source), f"{document}: {name} of {path}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_targets_of_make_exist(document):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"\bmake ([a-z][\w-]+)(?=[ `\n])", "\n".join(
        code_of(document) + commands(document)
    )):  # fmt: skip
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{document}: make {target}"


def test_variables_of_the_environment_are_looked_at():
    source = "".join(
        path.read_text("utf-8")
        for folder in ("fasttext_lite", "bench")
        for path in (ROOT / folder).rglob("*.py")
    )
    for document in DOCUMENTS:
        for name in set(re.findall(r"\bFASTTEXT_LITE_\w+\b", DOCUMENTS[document])):
            assert f'"{name}"' in source, f"{document}: {name}"


def test_commands_named_in_prose_exist():
    known = {*app.COMMANDS, *FASTTEXT, "COMMAND", *CONTENDERS}
    for document in DOCUMENTS:
        for code in code_of(document):
            if match := re.match(r"fasttext-lite ([a-z][\w-]*)", code):
                assert match[1] in known, f"{document}: `{code}`"


# -- blocks ---------------------------------------------------------------------------------------

PAGES = [name for name in DOCUMENTS if name not in ("README.md", "docs/zh.md")]  # test_readme.py


@pytest.fixture
def place(tmp_path, monkeypatch, data_dir):
    """Return a folder to run examples in, with small files of the names that documents use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTTEXT_LITE_DATA", str(tmp_path / "sets"))
    for name in (".", "sets/banking77", "sets/tnews"):
        Path(name).mkdir(parents=True, exist_ok=True)
        for part in ("train", "test"):
            lines = (data_dir / "en_topics" / f"{part}.tsv").read_text("utf-8").splitlines()[:200]
            Path(name, f"{part}.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    assert app.main(["train", "train.tsv", "-o", "model.ftl", "-q"]) == 0
    return tmp_path


def our_commands():
    return [
        (document, line.split("#")[0].strip())
        for document in PAGES
        for line in commands(document)
        if line.startswith("fasttext-lite ")
    ]


@pytest.mark.parametrize(("document", "line"), our_commands())
def test_our_command_lines_run(document, line, place, capsys):
    if match := re.search(r"\$\(fasttext-lite (.*?) \| grep (\S+)\)", line):
        assert app.main(shlex.split(match[1])) == 0
        paths = [path for path in capsys.readouterr().out.splitlines() if match[2] in path]
        line = line.replace(match[0], shlex.join(paths))
    assert app.main(shlex.split(line)[1:]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("document", "example"),
    [(document, example) for document in PAGES for example in blocks(document, "python")],
)
def test_python_blocks_run(document, example, place):
    exec(example, {"classifier": FastTextClassifier(recipe="fixed")})  # the document's own code


def test_all_blocks_are_looked_at():
    """Blocks without a language hold commands, or lines of a file; others are Python."""
    for document, text in DOCUMENTS.items():
        languages = set(re.findall(r"^```(\w*)$", text, re.MULTILINE))
        assert languages <= {"", "python"}, document
    starts = {"fasttext-lite", "python", "pip", "make", "echo"}
    others = [
        line
        for document in DOCUMENTS
        for line in commands(document)
        if line.split()[0] not in starts
    ]
    assert others == ["体育	国足客场战平对手", "财经	央行下调存款利率"]
    assert os.sep and prose("README.md")
