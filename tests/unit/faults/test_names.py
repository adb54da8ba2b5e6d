# SPDX-License-Identifier: Apache-2.0
from mlops_operator.kube.resources import DEPLOYMENTS, JOBS, MODEL_VERSIONS, TRAINING_JOBS
from tests.faults.oracles.names import Names
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story

UID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
FORMER = "6ba7b811-9dad-41d1-80b4-00c04fd430c8"


def names() -> Names:
    story = Story()
    former = make(TRAINING_JOBS, "job", uid=FORMER)
    story.put(TRAINING_JOBS, former)
    story.remove(TRAINING_JOBS, former)
    present = {
        TRAINING_JOBS: [make(TRAINING_JOBS, "job", uid=UID)],
        JOBS: [make(JOBS, "job-0a1b2c3d-0", uid="j")],
        MODEL_VERSIONS: [make(MODEL_VERSIONS, "m-99999999", uid="v1"), make(MODEL_VERSIONS, "m-11111111", uid="v2")],
        DEPLOYMENTS: [make(DEPLOYMENTS, "served-0a1b2c3d-aaaaaaaa", uid="d")],
    }
    for resource, objects in present.items():
        for obj in objects:
            story.put(resource, obj)
    return Names(story.history, present)


def test_names_are_numbered_as_their_objects_appeared() -> None:
    known = names()
    assert known.of("modelversions", "m-99999999") == "modelversions/m-#"
    assert known.of("modelversions", "m-11111111") == "modelversions/m-#~2"
    assert known.of("trainingjobs", "job") == "trainingjobs/job"


def test_what_is_there_is_numbered_before_what_was() -> None:
    story = Story()
    story.remove(JOBS, story.put(JOBS, make(JOBS, "job-11111111", uid="former")))
    present = story.put(JOBS, make(JOBS, "job-99999999", uid="present"))
    known = Names(story.history, {JOBS: [present]})
    assert known.of("jobs", "job-99999999") == "jobs/job-#"
    assert known.of("jobs", "job-11111111") == "jobs/job-#~2"


def test_what_belonged_to_what_is_there_is_numbered_before_what_belonged_to_others() -> None:
    story = Story()
    former, parent = make(TRAINING_JOBS, "job", uid="former"), make(TRAINING_JOBS, "job", uid="present")
    for owner, name in ((former, "job-11111111"), (parent, "job-99999999")):
        story.remove(JOBS, story.put(JOBS, make(JOBS, name, uid=name, owner=owner)))
    known = Names(story.history, {TRAINING_JOBS: [parent]})
    assert known.of("jobs", "job-99999999") == "jobs/job-#"


def test_uids_say_whose_they_are() -> None:
    known = names()
    assert known.text(f"{UID}-0") == "<uid of trainingjobs/job>-0"
    assert known.text(FORMER) == "<former uid of trainingjobs/job>"
    assert known.text("6ba7b812-9dad-41d1-80b4-00c04fd430c8") == "<uid>"


def test_names_inside_texts_stay_apart() -> None:
    known = names()
    assert known.text("moved from m-99999999 to m-11111111.") == "moved from m-# to m-#~2."
    assert known.text("m-12345678 is unknown") == "m-# is unknown"
    assert known.text("http://served-0a1b2c3d-aaaaaaaa.team-a.svc") == "http://served-#-#.<namespace>.svc"


def test_random_endings_of_names_are_masked() -> None:
    known = names()
    assert known.text("pod job-0a1b2c3d-0-x7k2p failed") == "pod job-#-0-# failed"
    assert known.text('"served-0a1b2c3d-aaaaaaaa-7d9f8b6c5d" has progressed') == '"served-#-#-#" has progressed'
    assert known.text("served-0a1b2c3d-aaaaaaaa-7d9f8b6c5d-x7k2p") == "served-#-#-#-#"


def test_a_hash_of_a_childs_child_looks_alike_whatever_its_letters() -> None:
    known = names()
    assert known.text("job-0a1b2c3d-0-94db9dbd") == known.text("job-0a1b2c3d-0-8e181278") == "job-#-0-#"


def test_a_hash_of_digits_alone_is_no_number() -> None:
    known = names()
    assert known.text('ReplicaSet "served-0a1b2c3d-aaaaaaaa-7574"') == 'ReplicaSet "served-#-#-#"'
    assert known.text("the pod job-0a1b2c3d-0-7574") == "the pod job-#-0-#"


def test_times_and_digests_are_masked() -> None:
    known = names()
    assert known.text("since 2026-01-01T12:00:00Z, 2026-01-01T12:00:00.123456+01:00") == "since <time>, <time>"
    assert known.text(f"sha256:{'ab' * 32}") == "sha256:#"


def test_words_are_left_alone() -> None:
    assert names().text("attempt 0 of 1234567 was decade-old") == "attempt 0 of 1234567 was decade-old"


def test_nothing_is_known() -> None:
    assert Names(Story().history, {}).text("job-0a1b2c3d") == "job-#"
