import CoordinatorCore
import Foundation
import Logging
import Ports
import SweepLedger
import SweepModel
import SweepWire

/// How other machines find a coordinator and know it for the right one.
package struct JoinAccess: Sendable {
    /// The certificate of its own authority (PEM); nil where it has none.
    package var authority: String?
    /// URLs under which it is reached; asked each time, since networks change.
    package var addresses: @Sendable () -> [String]
    package var isLoopback: Bool

    package init(
        authority: String? = nil, isLoopback: Bool = true, addresses: @escaping @Sendable () -> [String] = { [] }
    ) {
        self.authority = authority
        self.isLoopback = isLoopback
        self.addresses = addresses
    }
}

extension Operations {
    func mountEnrolment(on place: some OperationMount) {
        place.mount(.invite) { request, call in try await invite(request, call) }
        place.mount(.enrol) { request, _ in try await enrol(request) }
        place.mount(.authority) { _, _ in
            guard let certificate = access.authority else {
                throw WireError(.conflict, "this coordinator has no certificate authority of its own")
            }
            return AuthorityResponse(certificate: certificate)
        }
    }

    private func invite(_ request: InviteRequest, _ call: Call) async throws -> InviteResponse {
        guard request.lifetime > 0, request.lifetime <= WireLimit.inviteSeconds else {
            throw WireError(
                .badRequest, "invite: a lifetime of \(request.lifetime) s; wanted above 0, at most 31 days")
        }
        guard Self.isLabel(request.note) else {
            throw WireError(.badRequest, "invite: the note has more than 256 characters, or control characters")
        }
        guard request.scope != .admin else {
            throw WireError(.badRequest, "invite: nobody is invited as admin; use radiata token create")
        }
        let code = EnrolmentCode(SystemRandom())
        let now = wall
        let expires = now.milliseconds + Int64(request.lifetime * 1000)
        try await work.commit(
            Audited(
                StoreInvitation(
                    id: code.id, hash: code.hash, scope: request.scope, note: request.note, expires: expires, now: now),
                audit(call, "invite", "\(code.id), scope \(request.scope.rawValue)")))
        return InviteResponse(
            code: code.text, addresses: access.addresses(),
            authority: access.authority.flatMap(Certificates.fingerprint)?.text, isLoopback: access.isLoopback,
            expires: expires)
    }

    /// Without a token: whoever comes has a code, or nothing.
    private func enrol(_ request: EnrolRequest) async throws -> EnrolResponse {
        guard AccessToken.isID(request.token), let tokenHash = ContentDigest(request.hash), Self.isLabel(request.name)
        else {
            throw WireError(
                .badRequest,
                "enrol: wanted a token's id of 12 hex digits, the SHA-256 of its text, and a name of at most 256 characters"
            )
        }
        // What is no code at all is answered like one that is not known.
        guard let code = EnrolmentCode(request.code) else { throw Self.refusedCode("is not known here") }
        let verb = UseInvitation(
            id: code.id, hash: code.hash, token: request.token, tokenHash: tokenHash, name: request.name, now: wall)
        switch try await work.commit(verb) {
        case .enrolled(let scope):
            tokens.replace(try await ledger.tokens())
            engine.logger.info("\(request.name) joined", metadata: ["token": "\(request.token)"])
            return EnrolResponse(scope: scope)
        case .unknown: throw Self.refusedCode("is not known here")
        case .expired: throw Self.refusedCode("has run out")
        case .used: throw Self.refusedCode("was used already: an invitation lets in one machine, once")
        case .taken: throw WireError(.conflict, "enrol: there is a token \(request.token) already; make another")
        }
    }

    private static func refusedCode(_ what: String) -> WireError {
        WireError(.unauthorized, "the code of the invitation \(what); get a new one with `radiata invite`")
    }

    private static func isLabel(_ text: String) -> Bool {
        text.unicodeScalars.count <= 256
            && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
}
