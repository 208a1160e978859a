"""What torch computes on: this file run as a program prints it as JSON, and starts nothing."""

import json

import torch


def devices() -> dict[str, str]:
    """The device of a learner, and what the installed torch was built for."""
    graphics = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name(0) if graphics else "cpu",
        "built_for": f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU",
    }


if __name__ == "__main__":
    print(json.dumps(devices()))
