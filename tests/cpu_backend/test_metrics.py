from __future__ import annotations

from jobs.cpu_backend.metrics import Metrics, render

LABELS = 'engine="0",model_name="tesseract"'


def test_gauges_and_counters_carry_vllms_names_and_labels():
    metrics = Metrics(running=2, waiting=3, generation_tokens=17)
    metrics.finished["stop"] = 4
    lines = render(metrics).splitlines()
    assert f"vllm:num_requests_running{{{LABELS}}} 2.0" in lines
    assert f"vllm:num_requests_waiting{{{LABELS}}} 3.0" in lines
    assert f"vllm:generation_tokens_total{{{LABELS}}} 17.0" in lines
    assert 'vllm:request_success_total{engine="0",finished_reason="stop",model_name="tesseract"} 4.0' in lines
    assert "# TYPE vllm:num_requests_running gauge" in lines


def test_a_histogram_counts_upwards_to_all():
    metrics = Metrics()
    for seconds in (0.3, 2.2, 2.3, 9_999):
        metrics.latency.observe(seconds)
    lines = render(metrics).splitlines()
    buckets = [line for line in lines if line.startswith("vllm:e2e_request_latency_seconds_bucket")]
    assert buckets[0] == 'vllm:e2e_request_latency_seconds_bucket{engine="0",le="0.3",model_name="tesseract"} 1.0'
    assert 'vllm:e2e_request_latency_seconds_bucket{engine="0",le="2.5",model_name="tesseract"} 3.0' in buckets
    assert buckets[-1] == 'vllm:e2e_request_latency_seconds_bucket{engine="0",le="+Inf",model_name="tesseract"} 4.0'
    assert f"vllm:e2e_request_latency_seconds_count{{{LABELS}}} 4.0" in lines
