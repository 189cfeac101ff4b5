"""Weights & Biases, when it is chosen: online with a key, offline without; never prompts, never waits."""

from __future__ import annotations

import netrc
import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pytorch_lightning.loggers import Logger

from hpa.config import Config
from hpa.training.run_folder import RunFolder
from hpa.training.tracking import Belonging

_ID = "wandb_id"
_ID_OF_AGENT = "WANDB_RUN_ID"


class WandbTracking:
    """Makes the logger of a run; a run that is resumed is the same run there.

    Attributes:
        project: Project that the run appears in.
        entity: User or team; None is the key's own.
        group: Runs that belong together; None groups the jobs of a sweep and the stages of a chain.
        tags: Words to find the run by.
        name: What it is called; None names it by its folder.
        job_type: Kind of run; None distinguishes the stages of a chain.
        notes: Free text.
        mode: "online", "offline" or "disabled"; None is online where wandb finds a key.
        checkpoints: Whether best.ckpt and last.ckpt are kept as an artifact.
    """

    def __init__(
        self,
        project: str,
        entity: str | None,
        group: str | None,
        tags: list[str],
        name: str | None = None,
        job_type: str | None = None,
        notes: str | None = None,
        mode: str | None = None,
        checkpoints: bool = False,
    ) -> None:
        self.project = project
        self.entity = entity
        self.group = group
        self.tags = tags
        self.name = name
        self.job_type = job_type
        self.notes = notes
        self.mode = mode
        self.checkpoints = checkpoints

    def logger(self, run: RunFolder, config: Config) -> Logger:
        """Return Lightning's logger, writing into the run folder; `wandb sync` sends an offline run later."""
        import wandb
        from pytorch_lightning.loggers import WandbLogger

        belonging = Belonging.of(run.path)
        own = run.facts().get(_ID) or os.environ.get(_ID_OF_AGENT) or uuid.uuid4().hex[:8]
        run.write_facts({_ID: own})
        mode = self._mode()
        logger = WandbLogger(
            name=self.name or belonging.name,
            save_dir=run.path,
            id=own,
            project=self.project,
            entity=self.entity,
            group=self.group or belonging.group,
            job_type=self.job_type or belonging.job_type,
            tags=self.tags,
            notes=self.notes,
            offline=mode == "offline",
            mode=mode,
        )
        logger._wandb_init.pop(
            "anonymous", None
        )  # Lightning 2.6 always passes it, and wandb warns that it does nothing
        logger.log_hyperparams(config)
        if wandb.run is not None and wandb.run.id != own:  # in a sweep of W&B its agent chooses, whatever id is given
            run.write_facts({_ID: wandb.run.id})
        return logger

    def finish(self, run: RunFolder) -> None:
        """End the run in this process; the next training starts one of its own."""
        import wandb

        if wandb.run is None:
            return
        if self.checkpoints and run.facts().get("finished"):
            self._keep_checkpoints(run, wandb.run)
        wandb.finish()
        _leave_agent()

    def _mode(self) -> str:
        wanted = self.mode or os.environ.get("WANDB_MODE")
        known = {"dryrun": "offline", "run": "online"}
        return known.get(wanted, wanted) if wanted else "online" if has_key() else "offline"

    def _keep_checkpoints(self, run: RunFolder, current: Any) -> None:
        import wandb

        best, last = run.checkpoints / "best.ckpt", run.last_checkpoint
        same = best.is_file() and last.is_file() and best.samefile(last)
        for file, aliases in ((last, ["last"]), (best, ["best", "last"] if same else ["best"])):
            if file.is_file() and not (same and file == last):
                artifact = wandb.Artifact(f"model-{current.id}", type="model", metadata=run.facts().get("scores"))
                artifact.add_file(str(file), name=file.name)
                current.log_artifact(artifact, aliases=aliases)


def log_panels(loggers: Iterable[Logger], panels: Callable[[], Mapping[str, Any]]) -> None:
    """Show tables and curves of what a finished run held out, where it is tracked by W&B.

    Args:
        loggers: Of the run.
        panels: Makes them; called only where they are shown.
    """
    from pytorch_lightning.loggers import WandbLogger

    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.log({f"held_out/{name}": panel for name, panel in panels().items()})


def _leave_agent() -> None:
    """Let further runs of this process, as the stages of a chain, be runs of their own.

    An agent of `wandb sweep` chose the id of the first, which wandb reads from the environment when it is set up.
    """
    import wandb

    if [name for name in (_ID_OF_AGENT, "WANDB_SWEEP_ID") if os.environ.pop(name, None)]:
        wandb.teardown()


def has_key() -> bool:
    """Return whether wandb finds a key without a prompt."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False
