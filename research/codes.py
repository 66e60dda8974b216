"""The code of units: whether it has changed since a study was run, and what becomes of that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from research.errors import StudyError, did_you_mean
from research.experiment.versions import Version, better_form, listed
from research.storage.base import ExperimentRow, Study
from research.storage.past import finished_statuses
from research.storage.places import Place

MOST_WALKED = 1_000_000  # configs, to see which of the finished experiments a domain still has
_WAYS = ("keep", "rerun")


def check_code_changed(code_changed: Any) -> None:
    """Refuse what is no way to go on with code that has changed."""
    if code_changed not in (None, *_WAYS):
        raise ValueError(
            f"`code_changed` must be 'keep', 'rerun' or None, got {code_changed!r}"
            f"{did_you_mean(code_changed, _WAYS)}"
        )


class Codes(NamedTuple):
    """Which code a run is of, and what becomes of experiments that were made with another.

    Parameters
    ----------
    id : str
        Of the present code.
    settings : dict
        What is kept with the study: `versions` by their ids, and which of them were `kept`.
    again : frozenset of str
        Ids of the codes whose experiments run again.
    remarks : tuple of str
        What the log should say of it.
    """

    id: str
    settings: dict[str, Any]
    again: frozenset[str | None] = frozenset()
    remarks: tuple[str, ...] = ()

    @classmethod
    def of_new(cls, version: Version) -> Codes:
        """Return those of a study that begins."""
        return cls(version.id, {"versions": {version.id: version.form}, "kept": []})


def older_codes(version: Version, study: Study) -> frozenset[str]:
    """Return the ids of codes that are not the present one, and that nobody has said are to be kept."""
    return _other_codes(version, study).difference(_stored(study)[1])


def codes_to_rerun(version: Version, study: Study) -> frozenset[str]:
    """Return the ids of codes whose experiments run again if `code_changed='rerun'` is said."""
    return older_codes(version, study) or _other_codes(version, study)


def _other_codes(version: Version, study: Study) -> frozenset[str]:
    forms = {key: form for key, form in _stored(study)[0].items() if key != version.id}
    return frozenset(key for key, form in forms.items() if version.differences(form)[0])


def _stored(study: Study) -> tuple[dict[str, Any], list[str]]:
    """Return the codes that a study has been run with, and those of them that are to be kept."""
    stored = study.settings.get("code") or {}
    return dict(stored.get("versions", {})), list(stored.get("kept", ()))


def compare_codes(
    version: Version,
    earlier: Study,
    code_changed: str | None,
    place: Place,
    ids: Iterable[str],
    retry_failed: bool,
) -> Codes:
    """Compare the code of a study that is gone on with to what its experiments were made with.

    Parameters
    ----------
    version : Version
        The present code.
    earlier : Study
        As it is stored.
    code_changed : 'keep', 'rerun' or None
    place : Place
        Where it is kept. What it holds is read only if there is code that is not the present one.
    ids : iterable of str
        Of the experiments that the run would have.
    retry_failed : bool

    Raises
    ------
    StudyError
        If finished experiments that would be skipped are of other code, and it is not said what to do.
    """
    versions, kept = _stored(earlier)
    compared = {key: version.differences(form) for key, form in versions.items() if key != version.id}
    other = {key: found for key, (found, _) in compared.items() if found}
    remarks = [
        f"the study has run with {versions[key]['python']} before, this is {version.python}: whether the "
        f"code of {', '.join(unclear)} has changed cannot be told"
        for key, (_, unclear) in compared.items()
        if unclear
    ]
    versions[version.id] = better_form(version.form, versions.get(version.id))
    asked = set(other) - set(kept)
    if code_changed == "rerun" and not asked:
        asked = set(other)
    if not asked:
        return Codes(version.id, {"versions": versions, "kept": kept}, frozenset(), tuple(remarks))
    experiments = place.store().read().experiments
    used = {row.code for row in experiments}
    versions = {key: form for key, form in versions.items() if key in used or key == version.id}
    older = [
        row for row in experiments if row.code in asked and row.status in finished_statuses(retry_failed)
    ]
    what = listed(list(dict.fromkeys(str(item) for key in other if key in used for item in other[key])))
    again: frozenset[str | None] = frozenset()
    if code_changed == "rerun":
        again = frozenset(key for key in asked if key in used)
    elif code_changed == "keep":
        kept += sorted(key for key in asked if key in used)
    else:
        n_older = len(_would_be_skipped(older, ids))
        if n_older:
            raise StudyError(
                f"the code of {earlier.name!r} has changed since {n_older} of its finished experiments were "
                f"made: {what}. Nothing has been run: say `code_changed='keep'` to go on and leave them as "
                "they are, or `code_changed='rerun'` to run them again"
            )
    if code_changed is not None and older:
        way = "are kept" if code_changed == "keep" else "run again if the domain has them"
        remarks.append(f"the code has changed: {what}; {len(older)} finished experiments of older code {way}")
    kept = [key for key in kept if key in versions and key not in again]
    return Codes(version.id, {"versions": versions, "kept": kept}, again, tuple(remarks))


def _would_be_skipped(older: Sequence[ExperimentRow], ids: Iterable[str]) -> Sequence[ExperimentRow]:
    """Leave out experiments that the domain does not have any more, if it can be seen to its end."""
    wanted = {row.id for row in older if row.generation == 0}
    missing = set(wanted)
    for n_walked, identity in enumerate(ids if missing else ()):
        missing.discard(identity)
        if not missing or n_walked == MOST_WALKED:
            return older
    return [row for row in older if row.id not in missing]
