"""Refusals of this app. Each has a code of its own."""

from __future__ import annotations

from apps.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)


class NameInvalidError(InvalidError):
    """A name is empty, too long or of the wrong shape."""

    code = "roles.name_invalid"
    default_message = "The name is malformed."


class NameReservedError(InvalidError):
    """A name means something else already."""

    code = "roles.name_reserved"
    default_remedy = "Choose another name."


class SlugInvalidError(InvalidError):
    """A short name has a wrong shape."""

    code = "roles.slug_invalid"
    default_message = "The short name is malformed."
    default_remedy = "Use a-z, 0-9 and hyphens, starting with a letter."


class SlugFixedError(InvalidError):
    """A short name is what policies refer to; it never changes."""

    code = "roles.slug_fixed"
    default_message = "The short name cannot change."
    default_remedy = "Create another role under the new short name."


class KeyFixedError(InvalidError):
    """Type and key are what policies and audit refer to; they never change."""

    code = "roles.key_fixed"
    default_message = "Type and key cannot change."
    default_remedy = "Register another entry."


class SlugTakenError(ConflictError):
    """The short name is in use."""

    code = "roles.slug_taken"
    default_message = "This short name is taken."
    default_remedy = "Choose another short name, or edit the existing role."


class KeyTakenError(ConflictError):
    """The entry is registered already."""

    code = "roles.key_taken"
    default_message = "This is registered already."
    default_remedy = "Edit the existing entry."


class UnknownTierError(InvalidError):
    """There is no such tier."""

    code = "roles.unknown_tier"
    default_remedy = "Use read_only, operator or admin."


class UnknownResourceTypeError(InvalidError):
    """There is no such resource type."""

    code = "roles.unknown_resource_type"
    default_remedy = "Define the resource type first, or correct the name."


class UnknownPermissionError(InvalidError):
    """The catalogue has no such action on such a resource type."""

    code = "roles.unknown_permission"
    default_remedy = "Add it to the catalogue first, or correct the name."


class UnknownRoleError(InvalidError):
    """There is no such role."""

    code = "roles.unknown_role"
    default_remedy = "Create the role first, or correct the name."


class UnknownPrincipalError(InvalidError):
    """There is no such principal."""

    code = "roles.unknown_principal"
    default_remedy = "Register the principal first, or correct the key."


class UnknownResourceError(InvalidError):
    """There is no such resource."""

    code = "roles.unknown_resource"
    default_remedy = "Register the resource first, or correct the key."


class UnknownGroupError(InvalidError):
    """There is no such resource group."""

    code = "roles.unknown_group"
    default_remedy = "Register the group first, or correct the key."


class UnknownAttributeError(InvalidError):
    """No attribute of this name is defined for the type."""

    code = "roles.unknown_attribute"
    default_remedy = "Define the attribute first, or correct the name."


class AttributeValueError(InvalidError):
    """A value has not the type its attribute demands."""

    code = "roles.attribute_type"


class AttributeTypeFixedError(ConflictError):
    """An attribute in use cannot change its type."""

    code = "roles.attribute_type_fixed"
    default_message = "An attribute keeps its type."
    default_remedy = "Define another attribute with the new type."


class AttributeValueInUseError(ConflictError):
    """A value that is in use cannot be left out of the allowed ones."""

    code = "roles.attribute_value_in_use"
    default_remedy = "Keep the value, or change what has it first."


class RoleCycleError(InvalidError):
    """A role would inherit from itself."""

    code = "roles.cycle"
    default_message = "Role inheritance would run in a circle."
    default_remedy = "Remove one of the parents on the circle."


class RoleTooDeepError(InvalidError):
    """Inheritance is nested too deeply."""

    code = "roles.too_deep"
    default_message = "Role inheritance is deeper than 10."
    default_remedy = "Give the role a parent that is closer to the top."


class RoleTierError(InvalidError):
    """A role holds, or inherits, what is above its tier."""

    code = "roles.tier_exceeded"
    default_remedy = "Raise the tier of the role, or take the permission away."


class AssignmentDatesError(InvalidError):
    """An assignment ends before it starts."""

    code = "roles.end_before_start"
    default_message = "The assignment ends before it starts."
    default_remedy = "Choose an end after the start, or leave it open."


class AssignmentEndMissingError(InvalidError):
    """A temporary assignment has no end."""

    code = "roles.end_missing"
    default_message = "Only a standing assignment may be open-ended."
    default_remedy = "Set an end."


class AssignmentExistsError(ConflictError):
    """The principal holds the role there already."""

    code = "roles.assignment_exists"
    default_message = "The principal holds this role there already."
    default_remedy = "Revoke the standing assignment first."


class ManagerInvalidError(InvalidError):
    """Somebody cannot be the manager of this person."""

    code = "roles.manager_invalid"
    default_remedy = "Choose another person."


class PrincipalGroupNotFoundError(NotFoundError):
    """There is no such group of principals."""

    code = "roles.principal_group_not_found"
    default_message = "There is no such group."


class RoleNotFoundError(NotFoundError):
    """There is no such role."""

    code = "roles.role_not_found"
    default_message = "There is no such role."


class PrincipalNotFoundError(NotFoundError):
    """There is no such principal."""

    code = "roles.principal_not_found"
    default_message = "There is no such principal."


class ResourceNotFoundError(NotFoundError):
    """There is no such resource."""

    code = "roles.resource_not_found"
    default_message = "There is no such resource."


class AssignmentNotFoundError(NotFoundError):
    """There is no such assignment, or it was revoked."""

    code = "roles.assignment_not_found"
    default_message = "There is no such assignment."


class SeparationError(ConflictError):
    """The principal would hold, or use, roles that are kept apart."""

    code = "roles.separation"
    default_message = "These roles are kept apart."
    default_remedy = (
        "Revoke what is held first, or have an exception granted until a date."
    )


class SeparationSetInvalidError(InvalidError):
    """A set of separated roles makes no sense as it is."""

    code = "roles.separation_set_invalid"


class SeparationExceptionInvalidError(InvalidError):
    """An exception from separation needs an end, a reason and another person."""

    code = "roles.separation_exception_invalid"


class SeparationUsedError(ConflictError):
    """Somebody is or was excused from the set, which stays as its history."""

    code = "roles.separation_used"
    default_message = "Exceptions were granted from this set, so it is kept."
    default_remedy = "Take it out of force instead."


class SeparationNotFoundError(NotFoundError):
    """There is no such set of separated roles, or no such exception."""

    code = "roles.separation_not_found"
    default_message = "There is no such separation of duties."


class RoleUnholdableError(InvalidError):
    """A role inherits more than a separation of duties allows anybody."""

    code = "roles.unholdable"
    default_remedy = "Take the inheritance apart, or leave a role out of the set."


class RoleFileInvalidError(InvalidError):
    """A file of roles cannot be read; `field` is the path within it."""

    code = "roles.file_invalid"
    default_message = "The file cannot be read."
    default_remedy = "Correct the file at this place."


class GrantInvalidError(InvalidError):
    """A grant makes no sense as it is."""

    code = "roles.grant_invalid"


class ConstraintInvalidError(InvalidError):
    """A constraint does not fit the model; `field` names the place."""

    code = "roles.constraint_invalid"
    default_message = "The constraint cannot be read."


class ConstraintFieldError(ConstraintInvalidError):
    """A constraint names a field that is not there, or not offered."""

    code = "roles.constraint_field"


class ConstraintLookupError(ConstraintInvalidError):
    """A constraint compares a field in a way that is not offered for it."""

    code = "roles.constraint_lookup"


class ConstraintTypeError(ConstraintInvalidError):
    """A constraint compares a field with a value of another type."""

    code = "roles.constraint_type"


class GrantToSelfError(ForbiddenError):
    """Nobody grants to themselves, on whatever way."""

    code = "roles.grant_to_self"
    default_message = "You cannot give rights to yourself."
    default_remedy = "Ask another security admin."


class GrantBeyondError(ForbiddenError):
    """Nobody grants more than they hold."""

    code = "roles.grant_beyond"
    default_message = "You cannot give what you do not hold."
    default_remedy = "Ask a security admin."


class RaisesSelfError(ForbiddenError):
    """A change would give its author more than they hold."""

    code = "roles.raises_self"
    default_message = "This change would give you more than you hold."
    default_remedy = "Ask a security admin to make it."


class GrantExistsError(ConflictError):
    """The same is granted already."""

    code = "roles.grant_exists"
    default_message = "This is granted already."
    default_remedy = "Revoke the other grant first, or choose another scope."


class GrantNotFoundError(NotFoundError):
    """There is no such grant, or it is over."""

    code = "roles.grant_not_found"
    default_message = "There is no such grant, or it is over."


class StillUsedError(ConflictError):
    """What something refers to cannot be removed."""

    code = "roles.still_used"
    default_message = "This is in use."
    default_remedy = "Change what refers to it first, or keep it."


class AttributeNotFoundError(NotFoundError):
    """There is no such attribute."""

    code = "roles.attribute_not_found"
    default_message = "There is no such attribute."
