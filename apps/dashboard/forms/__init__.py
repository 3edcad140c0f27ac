"""What is asked: who, what, on what, when, and from where."""

from apps.dashboard.forms.asking import (
    ActionsForm,
    Circumstances,
    ExplainForm,
    Question,
    WhatForm,
    WhoForm,
    WhyForm,
    listed,
    offered,
    question,
)
from apps.dashboard.forms.simulate import Simulated, SimulateForm, simulated

__all__ = [
    "ActionsForm",
    "Circumstances",
    "ExplainForm",
    "Question",
    "SimulateForm",
    "Simulated",
    "WhatForm",
    "WhoForm",
    "WhyForm",
    "listed",
    "offered",
    "question",
    "simulated",
]
