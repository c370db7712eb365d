"""`redox-sandbox redox` as a process."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509

from redox_sandbox.__main__ import main
from tests.support.keys import client_entry, jwk
from tests.support.redox_sandbox import RedoxSandbox
from tests.unit.sandbox_redox.builders import CLIENT, KEY_ID, assertion, form


def request(sandbox: RedoxSandbox, timeout: float = 5.0) -> httpx.Response:
    trust = ssl.create_default_context(cafile=sandbox.ca_file)
    text = assertion(sandbox.token_url, now=int(time.time()), claims={"jti": os.urandom(8).hex()})
    with httpx.Client(verify=trust, trust_env=False, timeout=timeout) as client:
        return client.post(sandbox.token_url, data=form(text))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def listens(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname or "", parts.port or 0)) == 0


@pytest.fixture
def redox() -> Iterator[RedoxSandbox]:
    with RedoxSandbox.start([client_entry(CLIENT, jwk(kid=KEY_ID))], token_lifetime=60) as sandbox:
        yield sandbox


def test_it_issues_tokens_and_keeps_its_urls_and_authority_over_a_restart(
    redox: RedoxSandbox,
) -> None:
    before = (redox.token_url, redox.admin_url, Path(redox.ca_file).read_bytes())
    assert request(redox).json()["expires_in"] == 60

    redox.restart()

    assert (redox.token_url, redox.admin_url, Path(redox.ca_file).read_bytes()) == before
    assert request(redox).status_code == 200


def test_it_is_driven_by_its_admin_address(redox: RedoxSandbox) -> None:
    redox.set_faults([{"fault": "status", "status": 503}])
    assert request(redox).status_code == 503
    redox.clear_faults()
    redox.set_settings(tokenLifetime=90)
    assert request(redox).json()["expires_in"] == 90

    assert [entry["outcome"] for entry in redox.requests(CLIENT)] == ["fault", "issued"]
    assert redox.requests("other") == []
    assert redox.revoke(CLIENT) == 1
    assert redox.stats()["totals"] == {"fault": 1, "issued": 1}
    redox.clear_requests()
    assert redox.stats()["totals"] == {}
    with pytest.raises(RuntimeError, match=r"400 .*a JSON list of rules"):
        redox.admin("PUT", "/faults", {})


def test_a_changed_clients_file_counts_at_once_and_a_faulty_one_is_said_on_stderr(
    redox: RedoxSandbox,
) -> None:
    redox.clients_file.write_text("clients: 7")
    assert request(redox).status_code == 200
    assert "clients: write a list; the last good content stays in use" in redox.log

    redox.set_clients([])

    assert request(redox).status_code == 400


def test_while_paused_nothing_answers_and_after_that_everything_does(redox: RedoxSandbox) -> None:
    redox.pause()
    with pytest.raises(httpx.TimeoutException):
        request(redox, timeout=0.2)

    redox.resume()

    assert request(redox).status_code == 200


def test_an_oversized_answer_leaves_time_for_others(redox: RedoxSandbox) -> None:
    redox.set_faults([{"fault": "oversized", "times": 5}])
    trust = ssl.create_default_context(cafile=redox.ca_file)
    for number in range(5):
        received = 0
        with (
            httpx.Client(verify=trust, trust_env=False, timeout=5) as client,
            client.stream("POST", redox.token_url, data={"x": "y"}) as endless,
        ):
            for chunk in endless.iter_raw():
                received += len(chunk)
                if received > 500_000:
                    break
        assert redox.stats()["totals"] == {"fault": number + 1}

    assert request(redox).status_code == 200
    assert redox.log == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_a_second_even_while_an_answer_hangs(
    redox: RedoxSandbox, number: signal.Signals
) -> None:
    redox.set_faults([{"fault": "hang"}])
    parts = urlsplit(redox.token_url)
    trust = ssl.create_default_context(cafile=redox.ca_file)
    with (
        socket.create_connection((parts.hostname or "", parts.port or 0)) as plain,
        trust.wrap_socket(plain, server_hostname=parts.hostname) as connection,
    ):
        connection.sendall(b"POST /v2/auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        deadline = time.monotonic() + 5
        while not redox.requests():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        files = sorted(redox.directory.rglob("*"))
        process = redox.process
        started = time.monotonic()

        process.send_signal(number)
        code = process.wait(timeout=5)

        assert time.monotonic() - started < 1
    assert code == 0
    assert not listens(redox.token_url)
    assert not listens(redox.admin_url)
    assert sorted(redox.directory.rglob("*")) == files
    assert redox.log == ""


def test_stopping_leaves_no_process_no_port_and_no_directory() -> None:
    with RedoxSandbox.start() as sandbox:
        assert is_running(sandbox.pid)

    assert not is_running(sandbox.pid)
    assert not listens(sandbox.token_url)
    assert not sandbox.directory.exists()


def test_a_directory_of_the_caller_stays(tmp_path: Path) -> None:
    with RedoxSandbox.start(directory=tmp_path) as sandbox:
        sandbox.kill()

    assert {path.name for path in (tmp_path / "data").iterdir()} == {
        *("ca.crt", "ca.key", "tls.crt", "tls.key"),
    }


def test_it_answers_on_loopback_only_unless_told_otherwise(redox: RedoxSandbox) -> None:
    assert urlsplit(redox.token_url).hostname == "127.0.0.1"
    assert urlsplit(redox.admin_url).hostname == "127.0.0.1"
    listening = Path(f"/proc/{redox.pid}/net/tcp").read_text()
    port = urlsplit(redox.token_url).port
    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening


def test_a_public_url_is_shown_and_is_the_audience() -> None:
    client = client_entry(CLIENT, jwk(kid=KEY_ID))
    url = "https://redox-sandbox.redox.svc:8443"
    with RedoxSandbox.start([client], public_url=url, host_name=["a.example"]) as sandbox:
        assert sandbox.token_url == f"{url}/v2/auth/token"
        assert sandbox.fhir_base_url == f"{url}/fhir/R4/redox-fhir-sandbox/Development"
        assert sandbox.data_model_url == f"{url}/endpoint"
        certificate = x509.load_pem_x509_certificate(
            (sandbox.directory / "data/tls.crt").read_bytes()
        )
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns_names = names.get_values_for_type(x509.DNSName)
        assert {"a.example", "redox-sandbox.redox.svc", "redox-sandbox"} <= set(dns_names)


def test_on_all_interfaces_the_urls_name_loopback() -> None:
    client = client_entry(CLIENT, jwk(kid=KEY_ID))
    with RedoxSandbox.start([client], address="0.0.0.0:0", revoke_earlier=True) as sandbox:
        assert urlsplit(sandbox.token_url).hostname == "127.0.0.1"
        assert request(sandbox).status_code == 200
        assert sandbox.admin("GET", "/settings")["revokeEarlier"] is True


def test_on_ipv6_the_certificate_fits_too() -> None:
    client = client_entry(CLIENT, jwk(kid=KEY_ID))
    with RedoxSandbox.start([client], address="[::1]:0") as sandbox:
        assert sandbox.token_url.startswith("https://[::1]:")
        assert request(sandbox).status_code == 200


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param(["--address", "8443"], "write HOST:PORT", id="no host"),
        pytest.param(["--address", "localhost:99999"], "write HOST:PORT", id="no port"),
        pytest.param(["--token-lifetime", "0"], "seconds above 0", id="no lifetime"),
        pytest.param(["--rate-limit", "-1"], "a whole number", id="a negative limit"),
        pytest.param(["--public-url", "http://x"], "https://host", id="plain http"),
        pytest.param(["--public-url", "https://x/y"], "https://host", id="a path"),
        pytest.param(["--public-url", "https://x:y"], "https://host", id="a port that is none"),
    ],
)
def test_a_faulty_option_is_refused_with_a_sentence(
    capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["redox", "--clients", "c", "--data-dir", "d", *options])

    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err


def test_a_file_that_is_not_there_ends_it_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--clients", str(tmp_path / "none"), "--data-dir", str(tmp_path / "data")]

    assert main(["redox", *options]) == 2

    assert "No such file or directory: give the path of a YAML file" in capsys.readouterr().err


def test_an_address_in_use_ends_it_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clients.yaml").write_text("")
    options = ["--clients", str(tmp_path / "clients.yaml"), "--data-dir", str(tmp_path / "data")]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        assert main(["redox", *options, "--admin-address", address]) == 2

    assert f"cannot listen on {address}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        pytest.param(["--help"], 0, "redox", id="help"),
        pytest.param(["redox", "--help"], 0, "--revoke-earlier", id="help of this half"),
        pytest.param([], 2, "redox|kubernetes", id="nothing"),
        pytest.param(["epic"], 2, "invalid choice", id="an unknown half"),
    ],
)
def test_the_command_explains_itself(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, text: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)

    shown = capsys.readouterr()
    assert caught.value.code == code
    assert text in shown.out + shown.err


def test_one_half_does_not_load_the_other() -> None:
    program = (
        "import sys, contextlib, io\n"
        "from redox_sandbox.__main__ import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    main(['redox', '--help'])\n"
        "print([name for name in sys.modules if name.startswith('redox_sandbox.kubernetes')])\n"
    )

    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )

    assert shown.stdout.strip() == "[]"
