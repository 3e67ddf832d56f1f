import CSimulatedDisk
import Coordinator
import CoordinatorCore
import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import SweepWire

/// Requests as they come in, and the answers that go out.
extension SimulatedCoordinator {
    /// - Parameter answer: called once, unless the process dies first.
    /// - Returns: by which the request can be given up.
    func receive(
        _ request: Asked, answer: @escaping Answer
    ) -> UInt64 {
        lastReply += 1
        let id = lastReply
        open[id] = answer
        handle(id, life, request)
        return id
    }

    func abandon(_ id: UInt64) {
        guard open.removeValue(forKey: id) != nil else { return }
        waiting[ReplyID(id)] = nil
        tell(.disconnected(ReplyID(id)))
    }

    func finish(_ id: UInt64, _ result: Result<Data, WireError>) { open.removeValue(forKey: id)?(result) }

    func finish<Response: WireResponse>(_ id: UInt64, _ response: Response) {
        do {
            finish(id, .success(try response.body()))
        } catch {
            world.fail("wire", "an answer cannot be written: \(error)")
        }
    }

    func handle(_ id: UInt64, _ life: Int, _ request: Asked) {
        guard life == self.life, core != nil else { return }
        if pausedUntil > world.now {
            world.after(.nanoseconds(pausedUntil - world.now)) { [weak self] in self?.handle(id, life, request) }
            return
        }
        if history.count < 4000 { history.append(request) }
        do {
            let header = request.badge.text.map { "Bearer \($0)" }
            guard let tokens else { return }
            let principal = try tokens.check(header, wants: Self.scopes[request.name] ?? [.admin])
            try route(id, request.name, request.parameters, request.body, principal)
        } catch {
            finish(id, .failure(WireError.from(error)))
        }
    }

    func route(
        _ id: UInt64, _ name: String, _ parameters: [String: String], _ body: Data, _ principal: Principal
    ) throws {
        guard let ledger else { return }
        switch name {
        case "register": try register(id, RegisterRequest(parameters: parameters, body: body), principal)
        case "exchange":
            let request = try ExchangeRequest(parameters: parameters, body: body)
            try sessions.check(request.session, principal)
            tell(.exchange(request, wait(id, session: request.session)))
        case "heartbeat":
            let request = try HeartbeatRequest(parameters: parameters, body: body)
            try sessions.check(request.session, principal)
            tell(.heartbeat(request, wait(id)))
        case "metrics": try metrics(id, MetricBatch(parameters: parameters, body: body), ledger, principal)
        case "launch": try launch(id, LaunchRequest(parameters: parameters, body: body), principal)
        case "action": act(id, try ActionRequest(parameters: parameters, body: body), ledger, principal)
        case "drain": drain(id, try DrainRequest(parameters: parameters, body: body), principal)
        default: try blob(id, name, parameters, body, ledger)
        }
    }

    /// The core's answer goes to the request.
    func wait(_ id: UInt64, session: SessionID? = nil) -> ReplyID {
        let reply = ReplyID(id)
        waiting[reply] = { [weak self] answer in
            switch answer {
            case .registered(let value): self?.finish(id, value)
            case .exchanged(let value):
                if let session { self?.checkGrants(session, value) }
                self?.finish(id, value)
            case .heartbeat(let value): self?.finish(id, value)
            case .saidGoodbye: self?.finish(id, Nothing())
            case .refused(let error): self?.finish(id, .failure(error))
            }
        }
        return reply
    }

    /// R19: a claim that is sent again gives the same attempts, as long as it is one of the newest.
    func checkGrants(_ session: SessionID, _ response: ExchangeResponse) {
        let tokens = response.grants.map(\.token)
        guard !tokens.isEmpty else { return }
        if let worker = core?.worker(of: session) {
            for token in tokens { leases?.granted(token, to: worker) }
        }
        let known = granted[session] ?? [:]
        if let before = known[response.number] {
            world.probe("grant given again")
            let isNew = !Set(tokens).isSubset(of: before)
            if isNew, known.keys.filter({ $0 > response.number }).count < 16 {
                world.fail("R19", "exchange \(response.number) was sent again and granted \(tokens) after \(before)")
            }
        } else {
            granted[session, default: [:]][response.number] = tokens
        }
    }
}
