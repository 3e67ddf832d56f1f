package import Ports
package import SweepWire

/// Exchanges an invitation for a token of this machine's own.
package struct Joining: Sendable {
    let invitation: Invitation
    /// Name of this machine, for people.
    let name: String
    private let random: any RandomSource
    /// How long an address may take before the next one is tried.
    private static let patience: Duration = .seconds(8)

    package init(_ invitation: Invitation, name: String, random: any RandomSource = SystemRandom()) {
        self.invitation = invitation
        self.name = name
        self.random = random
    }

    /// Joins, or finds that this was done before. May be cut off anywhere and called again: the token is kept
    /// before it is announced.
    ///
    /// - Parameters:
    ///   - known: the join file as it is; nil where there is none.
    ///   - save: writes it.
    /// - Returns: the file as it was saved last.
    /// - Throws: ``ClientError``.
    package func join(_ known: JoinFile?, save: (JoinFile) throws -> Void) async throws -> JoinFile {
        let digest = ContentDigest.of(invitation.text).text
        if let known, known.invitation == digest, known.isEnrolled == true { return known }
        let (address, authority) = try await reach()
        var file: JoinFile
        if let known, known.invitation == digest {
            file = known
        } else {
            file = JoinFile(addresses: [], authority: nil, token: AccessToken.make(random).text)
            file.invitation = digest
            file.isEnrolled = false
        }
        file.addresses = [address] + invitation.addresses.filter { $0 != address }
        file.authority = authority
        try save(file)
        try await enrol(file)
        file.isEnrolled = true
        try save(file)
        return file
    }

    /// The first address at which the coordinator of the invitation answers, and its authority.
    private func reach() async throws -> (address: String, authority: String?) {
        var failures: [String] = []
        for address in invitation.addresses {
            do {
                guard let digest = invitation.authority else {
                    let client = SweepClient(try ClientConfiguration(coordinator: address))
                    _ = try await client.call(.health, Nothing(), retry: .never, timeLimit: Self.patience)
                    return (address, nil)
                }
                return (address, try await SweepClient.authority(digest, at: address, timeLimit: Self.patience))
            } catch let error as ClientError where error.code == .untrusted && invitation.authority != nil {
                failures.append(error.message)
            } catch let error as ClientError where error.code != .local {
                failures.append("\(address): \(error.answer?.message ?? Self.short(error))")
            }
        }
        throw ClientError(
            .unreachable,
            "the coordinator of the invitation was not found at any of its addresses (\(failures.joined(separator: "; "))); is it "
                + "running, and may this machine connect to its port? Another address goes into an invitation with "
                + "`radiata invite --address HOST`")
    }

    private static func short(_ error: ClientError) -> String {
        switch error.code {
        case .unreachable: "no answer"
        case .untrusted: "its certificate is not trusted here"
        default: "no coordinator answers there"
        }
    }

    private func enrol(_ file: JoinFile) async throws {
        var configuration = try ClientConfiguration(joining: file)
        configuration.otherAddresses = []
        // The token is not known there yet; the code is what lets in.
        let client = SweepClient(configuration.withoutToken())
        let id = String(file.token.dropFirst(AccessToken.prefix.utf8.count).prefix(12))
        let request = EnrolRequest(
            code: invitation.code.text, token: id, hash: AccessToken.hash(file.token).text, name: name)
        do {
            _ = try await client.call(.enrol, request, retry: .user, timeLimit: .seconds(20))
        } catch let error as ClientError {
            guard let answer = error.answer else { throw error }
            throw ClientError(.refused(answer.code), "coordinator \(client.address): \(answer.message)", answer: answer)
        }
    }
}
