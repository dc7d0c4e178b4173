"""Takes a backup: dumps of the three databases at one moment, the site config, and a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from shared.errors import SetUpError, StepdownError
from shared.messaging.reading import reading
from shared.settings import Settings, load, variable
from shared.site import config
from tools.backup import keys, manifest, programs, servers
from tools.backup.audited import noted
from tools.backup.manifest import BackupFile, DatabaseCopy, Manifest, PartitionEnd, Progress, SiteCopy
from tools.backup.moment import Snapshot, one_moment
from tools.stack import ready, sites, topics
from tools.stack.folder import is_claimed

MIB = 1 << 20


async def take(folder: Path, data: Path | None, actor: str, moved: Progress, *, without_keys: bool = False) -> Manifest:
    """Back up the system on `data`, or the one that the environment names, into a new or empty folder of mode 0700.

    `without_keys`: name none. `moved` gets the MiB of tables that were just written. The audit of each database gets an
    entry for `actor`. Raises SetUpError where something is away or the folder is not empty, Transient where no moment
    was found.
    """
    named = {} if without_keys else keys.named(data)
    running = ready.find(data) if is_claimed(ready.data_directory(data)) and not servers.are_elsewhere(data) else None
    settings = load(kafka=running.kafka) if running else load()
    site = sites.site_of(running, settings)
    _make(folder)
    async with servers.to_read(data) as urls:
        async with one_moment(urls) as snapshots:
            ends = await _ends(settings, site) if running or variable("kafka") else ()
            taken_at = (await snapshots["intake"].at()).isoformat()
            dumped = {one: await _dump(snapshots[one], urls[one], folder / f"{one}.dump", moved) for one in snapshots}
        files = [file for file, _ in dumped.values()] + _copied(_site_folder(running, settings), folder / "config")
        made = Manifest(
            product=manifest.PRODUCT, format=manifest.FORMAT, version=version("stepdown"), taken_at=taken_at,
            databases={service: copy for service, (_, copy) in dumped.items()}, keys=named,
            site=SiteCopy(site.name, site.version), topics=ends, files=tuple(files),
        )  # fmt: skip
        manifest.write(folder, made)
        await noted(urls, actor, "backup-taken")
    return made


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        used = any(folder.iterdir())
    except OSError as error:
        raise SetUpError(f"{folder} can't be written ({error.strerror}): name another folder") from None
    if used:
        raise SetUpError(f"{folder} is not empty: a backup has a folder of its own, name a new one")


async def _dump(snapshot: Snapshot, url: str, file: Path, moved: Progress) -> tuple[BackupFile, DatabaseCopy]:
    tables = await snapshot.tables()
    written = await programs.dump(url, snapshot.id, snapshot.postgres, file, by_table(tables, moved))
    copy = DatabaseCopy(
        path=written.path,
        revision=await snapshot.revision(),
        postgres=snapshot.postgres,
        tables=tables,
        positions=await snapshot.positions(),
        unsent_records=await snapshot.unsent_records(),
    )
    return written, copy


def by_table(tables: Mapping[str, int], moved: Progress) -> programs.AtTable:
    """What tells `moved` the MiB of a table when the work comes to the table after it."""
    behind = [""]

    def at(name: str) -> None:
        moved(tables.get(behind[0], 0) // MIB)
        behind[0] = name

    return at


async def _ends(settings: Settings, site: config.Site) -> tuple[PartitionEnd, ...]:
    """The ends of the topics that there are; none where the broker does not answer, and a backup is taken all the
    same."""
    try:
        async with reading(settings.kafka_client()) as looking:
            known = {name for topic in topics.of(site) for name in looking.names(topic.name)}
            found = await looking.ends(sorted(known))
    except StepdownError:
        return ()
    return tuple(PartitionEnd(slot.topic, slot.partition, end) for slot, end in sorted(found.items()))


def _site_folder(running: ready.Ready | None, settings: Settings) -> Path:
    return Path(running.config["folder"]) if running and running.config else config.folder_of(settings.config)


def _copied(site: Path, to: Path) -> list[BackupFile]:
    """Copy the site config, a folder or one file, as files of mode 0600."""
    base = site if site.is_dir() else site.parent
    made: list[BackupFile] = []
    for file in sorted(site.rglob("*")) if site.is_dir() else [site]:
        if file.is_file():
            content, place = file.read_bytes(), to / file.relative_to(base)
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.touch(mode=0o600)
            place.write_bytes(content)
            path = place.relative_to(to.parent).as_posix()
            made.append(BackupFile(path, len(content), manifest.sha256(place, lambda _: None)))
    return made
