"""What GPU exporters answer, understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import errors
from jobs.gateways import gpu_exporter
from jobs.gateways.gpu_exporter import GpuReading, parse
from tests.gpu_exporters import Exporter, recorded

MIB = 1024 * 1024


def test_dcgm_exporters_figures_are_read():
    assert parse(recorded("dcgm_exporter")) == GpuReading(
        memory_used_bytes=20480 * MIB,
        memory_total_bytes=(20480 + 4084) * MIB,
        utilization=pytest.approx(0.93),
        power_watts=412.25,
        temperature_celsius=67,
        energy_joules=pytest.approx(955_287.014),
    )


def test_nvidia_gpu_exporters_figures_are_read():
    assert parse(recorded("nvidia_gpu_exporter")) == GpuReading(
        memory_used_bytes=23040 * MIB,
        memory_total_bytes=24564 * MIB,
        utilization=0.97,
        power_watts=401.5,
        temperature_celsius=71,
        energy_joules=None,
    )


def test_its_newer_names_are_read():
    told = parse(
        'nvidia_smi_energy_joules_total{uuid="a"} 5\nnvidia_smi_utilization_gpu{instance="x"} 80\n'
        'nvidia_smi_power_draw_instant_watts{uuid="a"} 90'
    )
    assert (told.energy_joules, told.utilization, told.power_watts) == (5, pytest.approx(0.8), 90)


def test_a_host_of_two_cards_has_the_sum_of_their_memory_and_power():
    lines = []
    for card, (used, free, power, heat, use) in enumerate([(1000, 500, 100, 60, 90), (2000, 0, 200, 80, 10)]):
        for name, value in [("FB_USED", used), ("FB_FREE", free), ("POWER_USAGE", power), ("GPU_TEMP", heat),
                            ("GPU_UTIL", use)]:  # fmt: skip
            lines.append(f'DCGM_FI_DEV_{name}{{gpu="{card}",UUID="GPU-{card}"}} {value}')
    told = parse("\n".join(lines))
    assert (told.memory_used_bytes, told.memory_total_bytes) == (3000 * MIB, 3500 * MIB)
    assert (told.power_watts, told.temperature_celsius, told.utilization) == (300, 80, pytest.approx(0.5))


def test_parts_of_a_card_have_memory_of_their_own_and_share_its_power():
    told = parse(
        'DCGM_FI_DEV_FB_USED{gpu="0",GPU_I_PROFILE="2g.20gb",GPU_I_ID="3"} 100\n'
        'DCGM_FI_DEV_FB_USED{gpu="0",GPU_I_PROFILE="2g.20gb",GPU_I_ID="5"} 200\n'
        'DCGM_FI_DEV_POWER_USAGE{gpu="0",GPU_I_ID="3"} 150\nDCGM_FI_DEV_POWER_USAGE{gpu="0",GPU_I_ID="5"} 150\n'
    )
    assert (told.memory_used_bytes, told.power_watts) == (300 * MIB, 150)


def test_a_card_that_several_pods_share_is_counted_once():
    line = 'DCGM_FI_DEV_FB_USED{{gpu="0",UUID="GPU-1",pod="{}"}} 100\n'
    assert parse(line.format("a") + line.format("b")).memory_used_bytes == 100 * MIB


@pytest.mark.parametrize(
    "text",
    ["", "<html>Sign in</html>", "DCGM_FI_DEV_FB_USED{gpu=\"0\"} NaN", "DCGM_FI_DEV_FB_USED{gpu=\"0\"} -1",
     "DCGM_FI_DEV_FB_USED{gpu=\"0\"} 9223372036854775794", "DCGM_FI_DEV_FB_USED{gpu=\"0\"} 2147483632",
     "DCGM_FI_DEV_FB_USED{gpu=\"0\"} +Inf", "DCGM_FI_DEV_GPU_UTIL{gpu=\"0\"} 300", "DCGM_FI_DEV_FB_USED x",
     "DCGM_FI_DEV_FB_USED{" + "a" * 10_000 + "} 1"],
)  # fmt: skip
def test_what_is_no_reading_is_none(text):
    assert parse(text) == GpuReading()


@given(st.text(max_size=400))
def test_no_text_breaks_it(text):
    parse(text)
    parse(f'DCGM_FI_DEV_FB_USED{{gpu="0"}} {text}')


def test_an_exporter_is_asked_at_its_metrics_and_given_no_key():
    with Exporter(recorded("dcgm_exporter")) as exporter:
        assert gpu_exporter.read(exporter.address, 30).power_watts == 412.25
        assert exporter.asked == [("/metrics", None)]


def test_a_redirect_leads_nowhere():
    with Exporter(recorded("dcgm_exporter")) as exporter:
        exporter.status = 302
        with pytest.raises(errors.BackendFailed):
            gpu_exporter.read(exporter.address, 30)
        assert len(exporter.asked) == 1


@pytest.mark.parametrize(
    ("entered", "kept"),
    [("http://127.0.0.1:9400", "http://127.0.0.1:9400"), ("http://127.0.0.1:9400/metrics", "http://127.0.0.1:9400"),
     ("http://127.0.0.1:9400/gpu/metrics", "http://127.0.0.1:9400/gpu")],
)  # fmt: skip
def test_its_address_is_kept_without_its_page(entered, kept):
    assert gpu_exporter.check_form(entered) == kept


@pytest.mark.parametrize(
    "address",
    ["http://192.0.2.1:9400", "file:///etc/passwd", "http://user:word@127.0.0.1:9400", "http://127.0.0.1/?a=b"],
)
def test_its_address_follows_the_rules_for_backends(address):
    with pytest.raises(errors.Invalid) as refused:
        gpu_exporter.check_form(address)
    assert set(refused.value.fields) == {"gpu_exporter_url"}


def test_a_name_that_leads_outside_is_not_asked(settings):
    with Exporter(recorded("dcgm_exporter")) as exporter:
        settings.BACKEND_ALLOWED_CIDRS = []
        with pytest.raises(errors.Invalid):
            gpu_exporter.read(exporter.address.replace("127.0.0.1", "localhost"), 30)
        assert exporter.asked == []
