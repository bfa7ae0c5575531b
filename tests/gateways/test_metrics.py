from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.gateways.metrics import HostMetrics, parse
from tests import vllm_answers
from tests.recordings import recorded


def test_recorded_metrics_are_read():
    metrics = parse(recorded("metrics").body.decode())
    assert (metrics.running, metrics.waiting, metrics.kv_usage, metrics.generation_tokens) == (0.0, 0.0, 0.0, 1204.0)
    assert metrics.finished == {"stop": 0.0, "length": 16.0, "abort": 0.0, "error": 0.0, "repetition": 0.0}


def test_what_a_host_was_launched_with_is_read():
    metrics = parse(recorded("metrics").body.decode())
    assert (metrics.gpu_memory_utilization, metrics.prefix_caching) == (0.92, False)
    told = parse('vllm:cache_config_info{enable_prefix_caching="True",gpu_memory_utilization="0.85",engine="0"} 1.0')
    assert (told.gpu_memory_utilization, told.prefix_caching) == (0.85, True)
    odd = parse('vllm:cache_config_info{xenable_prefix_caching="True",gpu_memory_utilization="inf"} 1.0')
    assert (odd.gpu_memory_utilization, odd.prefix_caching) == (None, None)


def test_the_simulated_hosts_metrics_are_read():
    text = vllm_answers.metrics("m", running=3, waiting=2, slots=4, tokens_made=70, ended={"stop": 5, "abort": 1})
    metrics = parse(text)
    assert (metrics.running, metrics.waiting, metrics.kv_usage, metrics.generation_tokens) == (3.0, 2.0, 0.375, 70.0)
    assert metrics.finished is not None
    assert (metrics.finished["stop"], metrics.finished["abort"]) == (5.0, 1.0)


def test_old_names_are_read_where_the_new_are_missing():
    text = 'vllm:num_requests_running{model_name="m"} 2.0\nvllm:gpu_cache_usage_perc{model_name="m"} 0.25'
    assert parse(text) == HostMetrics(running=2.0, kv_usage=0.25)


def test_the_new_name_counts_where_both_are_there():
    assert parse("vllm:gpu_cache_usage_perc 0.9\nvllm:kv_cache_usage_perc 0.1").kv_usage == 0.1


def test_several_engines_are_one_host():
    text = "".join(
        f'vllm:num_requests_waiting{{engine="{n}"}} {n + 1}\nvllm:kv_cache_usage_perc{{engine="{n}"}} 0.{n + 1}\n'
        f'vllm:request_success_total{{engine="{n}",finished_reason="stop"}} 10\n'
        for n in range(3)
    )
    metrics = parse(text)
    assert (metrics.waiting, metrics.kv_usage, metrics.finished) == (6.0, 0.3, {"stop": 30.0})


def test_names_that_only_begin_alike_are_not_counted():
    text = 'vllm:num_requests_waiting_by_reason{reason="capacity"} 6\nvllm:generation_tokens_created 1.7e9'
    assert parse(text) == HostMetrics()


@pytest.mark.parametrize(
    "text",
    ["", "<html>404</html>", "vllm:num_requests_running", "vllm:num_requests_running NaN",
     "vllm:num_requests_running +Inf", "vllm:num_requests_running x", "# vllm:num_requests_running 3",
     "vllm:num_requests_running{ 3"],
)  # fmt: skip
def test_what_is_not_told_is_none(text):
    assert parse(text) == HostMetrics()


@given(st.text(), st.text())
def test_no_text_makes_it_raise(text, more):
    parse(f"vllm:{text} {more}\n{more}")
