"""Processes that train together: which one this is, by what ``torchrun`` and ``srun`` say."""

import ctypes
import os
import signal


def own_rank() -> int:
    """Number of this process among those that train together; 0 where it is alone."""
    return _first("RANK", "SLURM_PROCID", default=0) if n_processes() > 1 else 0


def n_processes() -> int:
    """Processes that train together."""
    # a shell inside an allocation has SLURM_NTASKS too, but no step of srun's
    if "WORLD_SIZE" in os.environ:
        return int(os.environ["WORLD_SIZE"])
    return _first("SLURM_STEP_NUM_TASKS", default=1)


def processes_here() -> int:
    """Processes of this node that train together."""
    if n_processes() == 1:
        return 1
    if "LOCAL_WORLD_SIZE" in os.environ:
        return int(os.environ["LOCAL_WORLD_SIZE"])
    nodes = _first("SLURM_STEP_NUM_NODES", "SLURM_NNODES", default=1)
    return n_processes() // nodes


def _first(*names: str, default: int) -> int:
    """Value of the first of some variables of the environment that is set."""
    return int(next((os.environ[name] for name in names if name in os.environ), default))


def launcher(processes: int) -> list[str]:
    """Words after ``python -m`` that start a module in several processes of this machine."""
    if processes == 1:
        return []
    return ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]


def end_with_parent() -> None:
    """Let the kernel end this process with its parent.

    An orphan of ``rm-train`` would train on, against a resumed run.
    """
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
