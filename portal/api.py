"""Addresses of the REST interface. Machine routes have no trailing slash."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.accounts.api import AuditEntryList, TenantList
from apps.approvals.api import (
    ChangeDetail,
    ChangeList,
    ChangeSetComments,
    ChangeSetDetail,
    ChangeSetList,
    ChangeSetSubmit,
    CommentDetail,
    ElevationActivate,
    ElevationDetail,
    ElevationEnd,
    ElevationExtend,
    ElevationList,
    EligibilityList,
    FlowDetail,
    FlowList,
    RequestCancel,
    RequestComments,
    RequestDetail,
    RequestList,
    VoteList,
    VoteOptions,
)
from apps.bundles.api import Bundle, ReleaseDetail, ReleaseList
from apps.core.api import NoSuchEndpoint
from apps.dashboard.api import (
    ActionSearch,
    ExplainDecision,
    ExportDetail,
    ResourceSearch,
    Simulate,
    SubjectSearch,
)
from apps.delegations.api import (
    AbsenceAccept,
    AbsenceDecline,
    AbsenceEnd,
    AbsenceList,
    DelegationAccept,
    DelegationDecline,
    DelegationDetail,
    DelegationList,
    DelegationRevoke,
)
from apps.nodes.api import NodeDetail, NodeList
from apps.notifications.api import (
    ChannelDetail,
    ChannelList,
    ChannelSecret,
    DeliveryList,
    NotificationList,
    NotificationRead,
)
from apps.policies.api import (
    PolicyDetail,
    PolicyEnd,
    PolicyList,
    PolicyResume,
    PolicyRetire,
    PolicyRollback,
    PolicySuspend,
    RunTests,
    VersionDetail,
    VersionList,
)
from apps.reviews.api import (
    ReviewApply,
    ReviewDecisions,
    ReviewDetail,
    ReviewEffect,
    ReviewItems,
    ReviewList,
)
from apps.roles.api import (
    AssignmentDetail,
    AssignmentList,
    AttributeDetail,
    AttributeList,
    GrantDetail,
    GrantList,
    GrantRevoke,
    GroupDetail,
    GroupList,
    PermissionDetail,
    PermissionList,
    PrincipalDetail,
    PrincipalList,
    ResourceDetail,
    ResourceList,
    RoleDetail,
    RoleList,
    RoleTransfer,
    SeparationDetail,
    SeparationList,
)
from apps.scopes.api import (
    CalendarDetail,
    CalendarList,
    LocationDetail,
    LocationList,
    WindowDetail,
    WindowList,
    WindowTransitions,
)
from apps.signin.api import (
    FreezeLift,
    FreezeList,
    OperationAssertion,
    OperationTokenDetail,
    OperationTokens,
    SessionDetail,
    SessionList,
)
from apps.simulation.api import EvidenceDetail, ImpactRequest
from portal.tenant_file.api import (
    Lint,
    TenantFile,
    TenantFileApply,
    TenantFilePlan,
    TenantFileTests,
)

app_name = "api"
urlpatterns = [
    path("v1/tenants", TenantList.as_view(), name="tenants"),
    path("v1/tenants/<slug:slug>/bundle", Bundle.as_view(), name="bundle"),
    path("v1/audit", AuditEntryList.as_view(), name="audit"),
    path("v1/operation-tokens", OperationTokens.as_view(), name="operation_tokens"),
    path(
        "v1/operation-tokens/<uuid:pk>",
        OperationTokenDetail.as_view(),
        name="operation_token",
    ),
    path(
        "v1/operation-tokens/<uuid:pk>/assertion",
        OperationAssertion.as_view(),
        name="operation_assertion",
    ),
    path("v1/sessions", SessionList.as_view(), name="sessions"),
    path("v1/sessions/<uuid:pk>", SessionDetail.as_view(), name="session"),
    path("v1/freezes", FreezeList.as_view(), name="freezes"),
    path("v1/freezes/<uuid:pk>/lift", FreezeLift.as_view(), name="freeze_lift"),
    path("v1/requests", RequestList.as_view(), name="requests"),
    path("v1/requests/<uuid:pk>", RequestDetail.as_view(), name="request"),
    path(
        "v1/requests/<uuid:pk>/cancel", RequestCancel.as_view(), name="request_cancel"
    ),
    path(
        "v1/requests/<uuid:pk>/comments",
        RequestComments.as_view(),
        name="request_comments",
    ),
    path("v1/comments/<uuid:pk>", CommentDetail.as_view(), name="comment"),
    path("v1/change-sets", ChangeSetList.as_view(), name="change_sets"),
    path("v1/change-sets/<uuid:pk>", ChangeSetDetail.as_view(), name="change_set"),
    path(
        "v1/change-sets/<uuid:pk>/items",
        ChangeList.as_view(),
        name="change_set_items",
    ),
    path(
        "v1/change-sets/<uuid:pk>/items/<uuid:item>",
        ChangeDetail.as_view(),
        name="change_set_item",
    ),
    path(
        "v1/change-sets/<uuid:pk>/submit",
        ChangeSetSubmit.as_view(),
        name="change_set_submit",
    ),
    path(
        "v1/change-sets/<uuid:pk>/comments",
        ChangeSetComments.as_view(),
        name="change_set_comments",
    ),
    path("v1/requests/<uuid:pk>/votes", VoteList.as_view(), name="votes"),
    path(
        "v1/requests/<uuid:pk>/votes/options",
        VoteOptions.as_view(),
        name="vote_options",
    ),
    path("v1/flows", FlowList.as_view(), name="flows"),
    path("v1/flows/<uuid:pk>", FlowDetail.as_view(), name="flow"),
    path("v1/access/explain", ExplainDecision.as_view(), name="access_explain"),
    path("v1/access/subjects", SubjectSearch.as_view(), name="access_subjects"),
    path("v1/access/resources", ResourceSearch.as_view(), name="access_resources"),
    path("v1/access/actions", ActionSearch.as_view(), name="access_actions"),
    path("v1/impact", ImpactRequest.as_view(), name="impact"),
    path("v1/evidence/<uuid:pk>", EvidenceDetail.as_view(), name="evidence"),
    path("v1/policy-tests", RunTests.as_view(), name="policy_tests"),
    path("v1/exports/<slug:target>", ExportDetail.as_view(), name="export"),
    path("v1/simulate", Simulate.as_view(), name="simulate"),
    path("v1/lint", Lint.as_view(), name="lint"),
    path("v1/tenant-file", TenantFile.as_view(), name="tenant_file"),
    path("v1/tenant-file/plan", TenantFilePlan.as_view(), name="tenant_file_plan"),
    path("v1/tenant-file/tests", TenantFileTests.as_view(), name="tenant_file_tests"),
    path("v1/tenant-file/apply", TenantFileApply.as_view(), name="tenant_file_apply"),
    path("v1/roles", RoleList.as_view(), name="roles"),
    path("v1/role-file", RoleTransfer.as_view(), name="role_file"),
    path("v1/roles/<uuid:pk>", RoleDetail.as_view(), name="role"),
    path("v1/object-grants", GrantList.as_view(), name="object_grants"),
    path("v1/object-grants/<uuid:pk>", GrantDetail.as_view(), name="object_grant"),
    path(
        "v1/object-grants/<uuid:pk>/revoke",
        GrantRevoke.as_view(),
        name="object_grant_revoke",
    ),
    path("v1/separations", SeparationList.as_view(), name="separations"),
    path("v1/separations/<uuid:pk>", SeparationDetail.as_view(), name="separation"),
    path("v1/delegations", DelegationList.as_view(), name="delegations"),
    path("v1/delegations/<uuid:pk>", DelegationDetail.as_view(), name="delegation"),
    path(
        "v1/delegations/<uuid:pk>/accept",
        DelegationAccept.as_view(),
        name="delegation_accept",
    ),
    path(
        "v1/delegations/<uuid:pk>/decline",
        DelegationDecline.as_view(),
        name="delegation_decline",
    ),
    path(
        "v1/delegations/<uuid:pk>/revoke",
        DelegationRevoke.as_view(),
        name="delegation_revoke",
    ),
    path("v1/absences", AbsenceList.as_view(), name="absences"),
    path(
        "v1/absences/<uuid:pk>/accept", AbsenceAccept.as_view(), name="absence_accept"
    ),
    path(
        "v1/absences/<uuid:pk>/decline",
        AbsenceDecline.as_view(),
        name="absence_decline",
    ),
    path("v1/absences/<uuid:pk>/end", AbsenceEnd.as_view(), name="absence_end"),
    path("v1/windows", WindowList.as_view(), name="windows"),
    path("v1/windows/<uuid:pk>", WindowDetail.as_view(), name="window"),
    path(
        "v1/windows/<uuid:pk>/transitions",
        WindowTransitions.as_view(),
        name="window_transitions",
    ),
    path("v1/calendars", CalendarList.as_view(), name="calendars"),
    path("v1/calendars/<uuid:pk>", CalendarDetail.as_view(), name="calendar"),
    path("v1/locations", LocationList.as_view(), name="locations"),
    path("v1/locations/<uuid:pk>", LocationDetail.as_view(), name="location"),
    path("v1/attributes", AttributeList.as_view(), name="attributes"),
    path("v1/attributes/<uuid:pk>", AttributeDetail.as_view(), name="attribute"),
    path("v1/permissions", PermissionList.as_view(), name="permissions"),
    path("v1/permissions/<uuid:pk>", PermissionDetail.as_view(), name="permission"),
    path("v1/principals", PrincipalList.as_view(), name="principals"),
    path("v1/principals/<uuid:pk>", PrincipalDetail.as_view(), name="principal"),
    path("v1/groups", GroupList.as_view(), name="groups"),
    path("v1/groups/<uuid:pk>", GroupDetail.as_view(), name="group"),
    path("v1/resources", ResourceList.as_view(), name="resources"),
    path("v1/resources/<uuid:pk>", ResourceDetail.as_view(), name="resource"),
    path("v1/assignments", AssignmentList.as_view(), name="assignments"),
    path("v1/assignments/<uuid:pk>", AssignmentDetail.as_view(), name="assignment"),
    path("v1/reviews", ReviewList.as_view(), name="reviews"),
    path("v1/reviews/<uuid:pk>", ReviewDetail.as_view(), name="review"),
    path("v1/reviews/<uuid:pk>/items", ReviewItems.as_view(), name="review_items"),
    path("v1/reviews/<uuid:pk>/effect", ReviewEffect.as_view(), name="review_effect"),
    path(
        "v1/reviews/<uuid:pk>/decisions",
        ReviewDecisions.as_view(),
        name="review_decisions",
    ),
    path("v1/reviews/<uuid:pk>/apply", ReviewApply.as_view(), name="review_apply"),
    path("v1/policies", PolicyList.as_view(), name="policies"),
    path("v1/policies/<uuid:pk>", PolicyDetail.as_view(), name="policy"),
    *(
        path(f"v1/policies/<uuid:pk>/{act}", view.as_view(), name=f"policy_{act}")
        for act, view in (
            ("suspend", PolicySuspend),
            ("resume", PolicyResume),
            ("retire", PolicyRetire),
            ("rollback", PolicyRollback),
            ("end", PolicyEnd),
        )
    ),
    path("v1/versions", VersionList.as_view(), name="versions"),
    path("v1/versions/<uuid:pk>", VersionDetail.as_view(), name="version"),
    path("v1/releases", ReleaseList.as_view(), name="releases"),
    path("v1/releases/<uuid:pk>", ReleaseDetail.as_view(), name="release"),
    path("v1/nodes", NodeList.as_view(), name="nodes"),
    path("v1/nodes/<uuid:pk>", NodeDetail.as_view(), name="node"),
    path("v1/notifications", NotificationList.as_view(), name="notifications"),
    path(
        "v1/notifications/<uuid:pk>/read",
        NotificationRead.as_view(),
        name="notification_read",
    ),
    path("v1/channels", ChannelList.as_view(), name="channels"),
    path("v1/channels/<uuid:pk>", ChannelDetail.as_view(), name="channel"),
    path(
        "v1/channels/<uuid:pk>/secret", ChannelSecret.as_view(), name="channel_secret"
    ),
    path("v1/deliveries", DeliveryList.as_view(), name="deliveries"),
    path("v1/eligibilities", EligibilityList.as_view(), name="eligibilities"),
    path("v1/elevations", ElevationList.as_view(), name="elevations"),
    path("v1/elevations/<uuid:pk>", ElevationDetail.as_view(), name="elevation"),
    path(
        "v1/elevations/<uuid:pk>/activate",
        ElevationActivate.as_view(),
        name="elevation_activate",
    ),
    path(
        "v1/elevations/<uuid:pk>/extend",
        ElevationExtend.as_view(),
        name="elevation_extend",
    ),
    path("v1/elevations/<uuid:pk>/end", ElevationEnd.as_view(), name="elevation_end"),
    path(
        "schema",
        SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]),
        name="schema",
    ),
    path(
        "docs",
        SpectacularSwaggerSplitView.as_view(
            url_name="api:schema", authentication_classes=[], permission_classes=[]
        ),
        name="docs",
    ),
    re_path("", NoSuchEndpoint.as_view(), name="none"),
]
