"""Users, memberships, passkeys and sign-in ceremonies."""
