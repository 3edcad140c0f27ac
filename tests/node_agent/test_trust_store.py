"""Steps 1 to 8: what the agent refuses, with which code, and in which order.

Each refusal differs from the accepted release by one thing.
"""

from __future__ import annotations

import datetime as dt
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Timestamp

from node_agent.steps import Step, Trace
from protocol.bundle import Manifest
from protocol.envelope import ENVELOPE_LIMIT, pack_envelope
from protocol.errors import ProtocolError
from tests.node_agent.conftest import Enroll, EnrolledNode
from tests.simulators.releases import ReleaseSimulator, forbid, permit, records, utc_now

OTHER_TENANT = "00000000-0000-4000-8000-000000000000"
VERIFIED = [*range(Step.NOW, Step.SELF_TEST + 1)]


def refused(node: EnrolledNode, envelope: bytes) -> tuple[str, Step]:
    """Offer an envelope; return the code of the refusal and the step it came from."""
    trace = Trace()
    with pytest.raises(ProtocolError) as raised:
        node.state().accept(envelope, trace=trace)
    assert [result.passed for result in trace.results].count(False) == 1
    return raised.value.code, trace.results[-1].step


def without_signatures(metadata: bytes) -> bytes:
    """Return metadata that nobody signed."""
    parsed = Metadata[Timestamp].from_bytes(metadata)  # or any other role
    parsed.signatures.clear()
    return parsed.to_bytes()


def test_the_steps_run_in_the_documented_order(node: EnrolledNode) -> None:
    node.portal.publish(records())
    trace = Trace()
    node.state().accept(node.portal.envelope(), trace=trace)
    assert [r.step for r in trace.results] == [*VERIFIED, Step.SWAP, Step.STORE]
    assert all(result.passed for result in trace.results)


@pytest.mark.parametrize("role", ["targets", "snapshot", "timestamp"])
def test_metadata_that_nobody_signed_is_refused(node: EnrolledNode, role: str) -> None:
    node.portal.publish(records())
    files = node.portal.files()
    (name,) = [n for n in files if n.endswith(f"{role}.json")]
    files[name] = without_signatures(files[name])
    code, step = refused(node, pack_envelope(files))
    # Metadata below the timestamp is also named by hash, which is checked first.
    expected = "bundle.unsigned" if role == "timestamp" else "bundle.tampered"
    assert (code, step) == (expected, Step.SIGNATURES)


@pytest.mark.parametrize("index", [0, 1])
def test_one_of_the_two_signatures_of_targets_is_not_enough(
    node: EnrolledNode, index: int
) -> None:
    keys = node.portal.keys
    node.portal.keys = replace(keys, targets=(keys.targets[index],))
    node.portal.publish(records())
    assert refused(node, node.portal.envelope()) == (
        "bundle.unsigned",
        Step.SIGNATURES,
    )


def test_a_key_that_signs_twice_counts_once(node: EnrolledNode) -> None:
    keys = node.portal.keys
    node.portal.keys = replace(keys, targets=(keys.targets[0], keys.targets[0]))
    node.portal.publish(records())
    assert refused(node, node.portal.envelope())[0] == "bundle.unsigned"


def test_a_bundle_without_metadata_is_refused(node: EnrolledNode) -> None:
    node.portal.publish(records())
    envelope = pack_envelope({"bundle.tar.gz": node.portal.blob})
    assert refused(node, envelope) == ("bundle.unsigned", Step.SIGNATURES)


def test_metadata_without_a_bundle_is_refused(node: EnrolledNode) -> None:
    node.portal.publish(records())
    files = node.portal.files()
    del files["bundle.tar.gz"]
    assert refused(node, pack_envelope(files)) == (
        "bundle.malformed",
        Step.SIGNATURES,
    )


def test_an_older_release_is_refused(node: EnrolledNode) -> None:
    node.portal.publish(records())
    older = node.portal.envelope()
    node.portal.publish(records(permit("second", action="reboot")))
    node.state().accept(node.portal.envelope())
    assert refused(node, older) == ("bundle.rollback", Step.SIGNATURES)


def test_an_older_revision_under_newer_metadata_is_refused(enroll: Enroll) -> None:
    """Someone with all online keys signs an old state again."""
    node = enroll(floor=7)
    node.portal.publish(records())
    assert refused(node, node.portal.envelope()) == ("bundle.rollback", Step.REVISION)


def test_the_revision_at_enrollment_itself_is_accepted(enroll: Enroll) -> None:
    node = enroll(floor=1)
    node.portal.publish(records())
    assert node.state().accept(node.portal.envelope()).is_change


def test_an_expired_timestamp_is_refused(node: EnrolledNode) -> None:
    node.portal.lifetime = dt.timedelta(seconds=-1)
    node.portal.publish(records())
    assert refused(node, node.portal.envelope()) == ("bundle.expired", Step.SIGNATURES)


def test_now_is_the_time_of_the_first_step(node: EnrolledNode) -> None:
    node.portal.publish(records())
    late = utc_now() + dt.timedelta(hours=1)
    trace = Trace()
    state = node.state()
    state._clock = lambda: late
    with pytest.raises(ProtocolError) as raised:
        state.accept(node.portal.envelope(), trace=trace)
    assert raised.value.code == "bundle.expired"
    assert trace.results[0].detail == late.isoformat()


def test_a_release_signed_for_another_tenant_is_refused(node: EnrolledNode) -> None:
    node.portal.publish(records(), claim=lambda c: replace(c, tenant=OTHER_TENANT))
    assert refused(node, node.portal.envelope()) == (
        "bundle.wrong_tenant",
        Step.TENANT,
    )


def test_a_manifest_of_another_tenant_is_refused(node: EnrolledNode) -> None:
    node.portal.publish(records(), change=lambda m: replace(m, tenant=OTHER_TENANT))
    assert refused(node, node.portal.envelope()) == (
        "bundle.wrong_tenant",
        Step.CONTENT,
    )


def test_the_release_of_another_tenant_with_its_own_keys_is_refused(
    node: EnrolledNode,
) -> None:
    other = ReleaseSimulator(tenant=node.portal.tenant)
    other.publish(records())
    assert refused(node, other.envelope())[0] == "bundle.unsigned"


def test_a_changed_byte_in_the_bundle_is_refused(node: EnrolledNode) -> None:
    node.portal.publish(records())
    files = node.portal.files()
    blob = files["bundle.tar.gz"]
    files["bundle.tar.gz"] = blob[:-1] + bytes([blob[-1] ^ 1])
    assert refused(node, pack_envelope(files)) == (
        "bundle.tampered",
        Step.SIGNATURES,
    )


def test_the_metadata_of_two_releases_does_not_mix(node: EnrolledNode) -> None:
    node.portal.publish(records())
    first = node.portal.files()
    node.portal.publish(records(permit("second", action="reboot")))
    mixed = {**node.portal.files(), "2.targets.json": first["1.targets.json"]}
    assert refused(node, pack_envelope(mixed))[0] == "bundle.tampered"


def test_a_claim_that_differs_from_the_content_is_refused(node: EnrolledNode) -> None:
    node.portal.publish(
        records(), claim=lambda c: replace(c, state_digest="sha256:" + "0" * 64)
    )
    assert refused(node, node.portal.envelope()) == (
        "bundle.digest_mismatch",
        Step.CONTENT,
    )


def test_records_that_do_not_add_up_are_refused(node: EnrolledNode) -> None:
    node.portal.publish(
        records(), change=lambda m: replace(m, state_digest="sha256:" + "0" * 64)
    )
    assert refused(node, node.portal.envelope()) == (
        "bundle.digest_mismatch",
        Step.CONTENT,
    )


def test_a_claim_of_another_revision_is_refused(node: EnrolledNode) -> None:
    node.portal.publish(records(), claim=lambda c: replace(c, revision=9))
    assert refused(node, node.portal.envelope()) == ("bundle.tampered", Step.CONTENT)


def test_a_release_of_the_future_is_refused(node: EnrolledNode) -> None:
    tomorrow = (utc_now() + dt.timedelta(days=1)).isoformat()
    node.portal.publish(records(), change=lambda m: replace(m, not_before=tomorrow))
    assert refused(node, node.portal.envelope()) == (
        "bundle.not_yet_valid",
        Step.CONTENT,
    )


def test_a_protocol_that_is_not_spoken_is_refused(node: EnrolledNode) -> None:
    def future(manifest: Manifest) -> Manifest:
        return replace(manifest, protocol=99)

    node.portal.publish(records(), change=future)
    assert refused(node, node.portal.envelope()) == ("bundle.malformed", Step.CONTENT)


def test_an_answer_beyond_the_cap_is_refused_before_it_is_opened(
    node: EnrolledNode,
) -> None:
    assert refused(node, bytes(ENVELOPE_LIMIT + 1)) == ("bundle.too_large", Step.SIZE)


def archive(add: Callable[[tarfile.TarFile], None]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        add(tar)
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> bytes:
    def add(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        tar.addfile(info)

    return archive(add)


def twice(tar: tarfile.TarFile) -> None:
    for _ in range(2):
        tar.addfile(tarfile.TarInfo("timestamp.json"))


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a tar", id="not a tar"),
        pytest.param(member("timestamp.json", tarfile.SYMTYPE, "/etc"), id="symlink"),
        pytest.param(member("timestamp.json", tarfile.LNKTYPE, "x"), id="hard link"),
        pytest.param(member("../timestamp.json"), id="dot dot"),
        pytest.param(member("/timestamp.json"), id="absolute"),
        pytest.param(archive(twice), id="duplicate"),
    ],
)
def test_an_unsafe_archive_is_refused(node: EnrolledNode, envelope: bytes) -> None:
    assert refused(node, envelope) == ("bundle.malformed", Step.ARCHIVE)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"signed":1}', b"1"])
@pytest.mark.parametrize("name", ["timestamp.json", "2.root.json"])
def test_metadata_that_is_none_is_refused(
    node: EnrolledNode, name: str, content: bytes
) -> None:
    node.portal.publish(records())
    files = {**node.portal.files(), name: content}
    assert refused(node, pack_envelope(files)) == (
        "bundle.malformed",
        Step.SIGNATURES,
    )


def test_one_revision_signed_twice_for_different_states_is_refused(
    node: EnrolledNode,
) -> None:
    node.portal.publish(records())
    state = node.state()
    state.accept(node.portal.envelope())
    node.portal.publish(records(forbid("stop")), revision=1)
    # The trust folder still knows the first metadata. Without it, the state does.
    with pytest.raises(ProtocolError) as raised:
        state.accept(node.portal.envelope())
    assert raised.value.code == "bundle.tampered"


def test_a_refused_release_changes_nothing_on_disk(node: EnrolledNode) -> None:
    node.portal.publish(records())
    node.state().accept(node.portal.envelope())
    before = node.trust_files()
    # Everything verifies up to the content: only here could trust have advanced.
    node.portal.publish(
        records(forbid("stop")), change=lambda m: replace(m, tenant=OTHER_TENANT)
    )
    assert refused(node, node.portal.envelope())[0] == "bundle.wrong_tenant"
    assert node.trust_files() == before


def test_after_a_refusal_the_next_good_release_is_accepted(node: EnrolledNode) -> None:
    node.portal.publish(records())
    node.state().accept(node.portal.envelope())
    node.portal.publish(
        records(forbid("stop")), change=lambda m: replace(m, tenant=OTHER_TENANT)
    )
    refused(node, node.portal.envelope())
    node.portal.publish(records(forbid("stop")), revision=2)
    assert node.state().accept(node.portal.envelope()).release.revision == 2


def test_a_chain_of_roots_is_followed(node: EnrolledNode) -> None:
    node.portal.publish(records())
    node.state().accept(node.portal.envelope())
    new = ReleaseSimulator().keys
    node.portal.rotate(replace(node.portal.keys, root=new.root))
    node.portal.rotate(
        replace(node.portal.keys, snapshot=new.snapshot, timestamp=new.timestamp)
    )
    node.portal.publish(records(forbid("stop")))
    assert node.state().accept(node.portal.envelope()).release.revision == 2


def test_a_root_that_the_old_root_did_not_sign_is_refused(node: EnrolledNode) -> None:
    node.portal.publish(records())
    node.state().accept(node.portal.envelope())
    other = ReleaseSimulator(tenant=node.portal.tenant)
    files = {
        **node.portal.files(),
        "2.root.json": other._build_root(2, [other.keys.root]),
    }
    assert refused(node, pack_envelope(files)) == (
        "bundle.unsigned",
        Step.SIGNATURES,
    )


def test_a_key_that_was_rotated_away_signs_nothing_any_more(node: EnrolledNode) -> None:
    stolen = node.portal.keys
    node.portal.publish(records())
    node.portal.rotate(
        replace(node.portal.keys, timestamp=CryptoSigner.generate_ed25519())
    )
    node.portal.publish(records())
    node.state().accept(node.portal.envelope())
    node.portal.keys = replace(node.portal.keys, timestamp=stolen.timestamp)
    node.portal.publish(records(forbid("stop")))
    assert refused(node, node.portal.envelope())[0] == "bundle.unsigned"
