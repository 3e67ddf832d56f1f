import Coordinator
import Foundation
import Ports
import SweepClient
import SweepModel
import SweepWire
import Testing

@Suite("Joining by an invitation")
struct EnrolmentTests {
    private static var reachable: DaemonBench.Options {
        var options = DaemonBench.Options()
        options.host = "0.0.0.0"
        return options
    }

    private func invite(_ bench: DaemonBench, lifetime: Double = 600) async throws -> Invitation {
        let answer = try await bench.call(.invite, InviteRequest(lifetime: lifetime))
        return Invitation(
            addresses: [bench.url], authority: answer.authority.flatMap { ContentDigest($0) },
            code: try #require(EnrolmentCode(answer.code)))
    }

    private func request(_ invitation: Invitation, _ token: (id: String, text: String)) -> EnrolRequest {
        EnrolRequest(
            code: invitation.code.text, token: token.id, hash: AccessToken.hash(token.text).text, name: "box")
    }

    /// Without any token, over the pinned authority.
    private func enrol(_ bench: DaemonBench, _ request: EnrolRequest) async throws -> EnrolResponse {
        var configuration = try ClientConfiguration(coordinator: bench.url)
        if let authority = bench.authority { configuration.trust = .pinned(authority) }
        return try await SweepClient(configuration).call(.enrol, request, retry: .never)
    }

    private func code(_ body: () async throws -> Void) async -> WireError.Code? {
        do {
            try await body()
            return nil
        } catch let error as ClientError {
            return error.answer?.code ?? .other
        } catch {
            Issue.record("\(error)")
            return .other
        }
    }

    @Test("the whole way: invitation, authority by its fingerprint, a token of the machine's own that only it knows")
    func whole() async throws {
        try await DaemonBench.with(Self.reachable) { bench async throws in
            let invitation = try await invite(bench)
            #expect(try Invitation(invitation.text) == invitation)
            let path = NSTemporaryDirectory() + "join-\(SystemRandom().hexadecimal(bytes: 8))"
            defer { try? FileManager.default.removeItem(atPath: path) }  // it is there unless the test failed
            let file = try await Joining(invitation, name: "box").join(nil) { try $0.write(to: path) }
            #expect(try JoinFile.read(path) == file && file.isEnrolled == true)
            #expect(try DiskFiles().information(path)?.mode == 0o600)
            let client = SweepClient(try ClientConfiguration(joining: file))
            let record = WorkerRecord(
                worker: WorkerID("w"), name: "w",
                session: SessionID(rawValue: SystemRandom().hexadecimal(bytes: 16)), slots: 1, threads: 1)
            _ = try await client.call(.register, RegisterRequest(record))
            #expect(await code { _ = try await client.call(.tokens, Nothing()) } == .forbidden)
            // Done before: nothing is asked again, also where the coordinator would not let in.
            #expect(try await Joining(invitation, name: "box").join(file) { _ in Issue.record("saved") } == file)
            let bytes = try Data(contentsOf: URL(filePath: bench.folder + "/ledger.db"))
            let log = try Data(contentsOf: URL(filePath: bench.folder + "/ledger.db-wal"))
            for secret in [file.token, invitation.code.text] {
                #expect(bytes.range(of: Data(secret.utf8)) == nil && log.range(of: Data(secret.utf8)) == nil)
            }
        }
    }

    @Test("a code lets in once; the same exchange again is harmless; a code that ran out or is changed lets nobody in")
    func once() async throws {
        let time = ManualTime(wall: SystemTime().wall())
        var options = DaemonBench.Options.limits { $0.refusedTokens = .max }
        options.time = time
        try await DaemonBench.with(options) { bench async throws in
            let invitation = try await invite(bench, lifetime: 60)
            let mine = AccessToken.make(SystemRandom())
            #expect(try await enrol(bench, request(invitation, mine)).scope == .worker)
            #expect(try await enrol(bench, request(invitation, mine)).scope == .worker)
            let other = AccessToken.make(SystemRandom())
            #expect(await code { _ = try await enrol(bench, request(invitation, other)) } == .unauthorized)
            // The token's id of the first, with another secret.
            #expect(
                await code { _ = try await enrol(bench, request(invitation, (mine.id, other.text))) } == .unauthorized)
            #expect(await code { _ = try await bench.call(.sweeps, Nothing(), token: other.text) } == .unauthorized)
            #expect(await code { _ = try await bench.call(.sweeps, Nothing(), token: mine.text) } == nil)

            let late = try await invite(bench, lifetime: 60)
            time.advance(by: .seconds(61))
            #expect(await code { _ = try await enrol(bench, request(late, other)) } == .unauthorized)
            // Used in time it stays good for a repeat.
            #expect(try await enrol(bench, request(invitation, mine)).scope == .worker)

            let fresh = try await invite(bench)
            var text = fresh.code.text
            text.removeLast()
            for wrong in [text, text + (fresh.code.text.last == "0" ? "1" : "0"), "", "x", fresh.code.id + "_"] {
                var wanted = request(fresh, other)
                wanted.code = wrong
                #expect(await code { _ = try await enrol(bench, wanted) } == .unauthorized, "\(wrong)")
            }
            #expect(try await enrol(bench, request(fresh, other)).scope == .worker)
        }
    }

    @Test("who guesses codes has to wait, and a good code still passes")
    func guessing() async throws {
        try await DaemonBench.with { bench async throws in
            let invitation = try await invite(bench)
            let token = AccessToken.make(SystemRandom())
            var codes: [WireError.Code?] = []
            for _ in 0..<25 {
                var wrong = request(invitation, token)
                wrong.code = EnrolmentCode(SystemRandom()).text
                codes.append(await code { _ = try await enrol(bench, wrong) })
            }
            #expect(codes == Array(repeating: .unauthorized, count: 20) + Array(repeating: .busy, count: 5))
            #expect(try await enrol(bench, request(invitation, token)).scope == .worker)
        }
    }

    @Test("invitations are for admins to make, and never for admins")
    func makers() async throws {
        try await DaemonBench.with { bench async throws in
            for scope in [TokenScope.read, .worker, .submit] {
                let token = try await bench.call(.createToken, TokenRequest(scope: scope)).token
                #expect(
                    await code { _ = try await bench.call(.invite, InviteRequest(lifetime: 60), token: token) }
                        == .forbidden)
            }
            #expect(await code { _ = try await bench.call(.invite, InviteRequest(scope: .admin, lifetime: 60)) } != nil)
            for lifetime in [0, -1, 1e9] {
                #expect(
                    await code { _ = try await bench.call(.invite, InviteRequest(lifetime: lifetime)) } == .badRequest)
            }
        }
    }

    @Test("another coordinator in the place of the right one is found out before anything secret is sent")
    func impostor() async throws {
        try await DaemonBench.with(Self.reachable) { bench async throws in
            try await DaemonBench.with(Self.reachable) { impostor async throws in
                var invitation = try await invite(bench)
                invitation.addresses = [impostor.url]
                let error = await #expect(throws: ClientError.self) {
                    _ = try await Joining(invitation, name: "box").join(nil) { _ in Issue.record("saved") }
                }
                #expect(error?.message.contains("authority is not the one") == true, "\(error?.message ?? "")")
                // Who has joined sends nothing to it either.
                let file = JoinFile(addresses: [impostor.url], authority: bench.authority, token: "radiata_secret")
                let refused = await #expect(throws: ClientError.self) {
                    _ = try await SweepClient(try ClientConfiguration(joining: file)).call(
                        .sweeps, Nothing(), retry: .never)
                }
                #expect(refused?.code == .untrusted)
                // Among several addresses the right one is found.
                invitation.addresses = ["https://127.0.0.1:9", impostor.url, bench.url]
                let joined = try await Joining(invitation, name: "box").join(nil) { _ in }
                #expect(joined.addresses.first == bench.url && joined.addresses.count == 3)
            }
        }
    }

    @Test("forgetting a worker ends the token that it was invited with, and no other")
    func forgotten() async throws {
        try await DaemonBench.with { bench async throws in
            func worker(_ name: String, _ token: String) async throws {
                let session = SessionID(rawValue: SystemRandom().hexadecimal(bytes: 16))
                let record = WorkerRecord(worker: WorkerID(name), name: name, session: session, slots: 1, threads: 1)
                _ = try await bench.call(.register, RegisterRequest(record), token: token)
                _ = try await bench.call(.goodbye, GoodbyeRequest(session: session), token: token)
            }
            let invited = AccessToken.make(SystemRandom())
            _ = try await enrol(bench, request(try await invite(bench), invited))
            let made = try await bench.call(.createToken, TokenRequest(scope: .worker)).token
            try await worker("invited", invited.text)
            try await worker("made", made)
            for name in ["invited", "made"] { _ = try await bench.call(.forget, ForgetRequest(worker: name)) }
            #expect(await code { _ = try await bench.call(.sweeps, Nothing(), token: invited.text) } == .unauthorized)
            #expect(await code { _ = try await bench.call(.sweeps, Nothing(), token: made) } == nil)
            let records = try await bench.call(.tokens, Nothing()).items
            #expect(records.first { $0.id == invited.id }?.isRevoked == true)
            #expect(records.first { $0.id == invited.id }?.note == "invited: box")
        }
    }

    @Test("a join file lets its reader in, moves with the coordinator, and keeps its token over restarts")
    func joinFile() async throws {
        let path = NSTemporaryDirectory() + "join-\(SystemRandom().hexadecimal(bytes: 8))"
        defer { try? FileManager.default.removeItem(atPath: path) }  // it is there unless the test failed
        var options = Self.reachable
        options.joinFile = path
        let bench = DaemonBench(options)
        try await bench.start()
        do {
            let first = try JoinFile.read(path)
            let client = SweepClient(try ClientConfiguration(joining: first, path: path))
            _ = try await client.call(.sweeps, Nothing(), retry: .never)
            // Another port after the restart: the client finds it by the file.
            try await bench.stop()
            try await bench.start()
            let second = try JoinFile.read(path)
            #expect(second.token == first.token && second.authority == first.authority)
            #expect(second.addresses != first.addresses)
            _ = try await client.call(.sweeps, Nothing(), retry: .user)
        } catch {
            try await bench.end()
            throw error
        }
        try await bench.end()
    }
}
