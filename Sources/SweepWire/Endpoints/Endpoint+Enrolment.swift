import SweepModel

extension Endpoint<InviteRequest, InviteResponse> {
    /// Not idempotent: a lost answer leaves a code that nobody knows and that runs out.
    package static var invite: Self { Endpoint("invite", .post, "/v1/invites", scopes: [.admin], idempotent: false) }
}

extension Endpoint<EnrolRequest, EnrolResponse> {
    /// Needs no token: the code is what lets in, once. Refused codes count as refused tokens.
    package static var enrol: Self { Endpoint("enrol", .post, "/v1/enrolments", scopes: []) }
}

extension Endpoint<Nothing, AuthorityResponse> {
    /// Needs no token. 409 `conflict` where the coordinator has no authority of its own.
    package static var authority: Self { Endpoint("authority", .get, "/v1/authority", scopes: []) }
}
