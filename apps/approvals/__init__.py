"""Change requests, votes signed with passkeys, quorums."""
