"""The forms of this app. What is valid is for the rules to say."""

from apps.policies.forms.picking import PickField
from apps.policies.forms.policy import PICKED, PolicyForm, initial_of, typed_in

__all__ = ["PICKED", "PickField", "PolicyForm", "initial_of", "typed_in"]
