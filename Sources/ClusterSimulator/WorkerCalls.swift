import Ports
import SweepClient
import SweepModel
import SweepWire

/// A worker's calls over the simulated network, and what an observer makes of their answers.
// @unchecked: one thread uses a world and all that is in it.
struct WorkerCalls: CoordinatorCalls, @unchecked Sendable {
    let address = "simulated"
    let time: any TimeSource
    let random: any RandomSource
    let worker: SimulatedWorker
    let process: SimulatedProcess
    let peer: Peer

    func send<Request: WireRequest, Response: WireResponse>(
        _ endpoint: Endpoint<Request, Response>, _ request: Request, timeLimit: Duration?
    ) async throws -> Response {
        let (begin, jumps) = (worker.world.now, worker.cluster.jumps)
        do {
            let response: Response = try await process.wait { resume in
                worker.network.call(endpoint, request, from: peer, patience: timeLimit ?? .seconds(60)) { result in
                    resume(result.mapError { $0 as any Error })
                }
            }
            note(request, response, after: worker.world.now - begin, jumps: jumps)
            return response
        } catch let error as ClientError {
            note(endpoint.name, error)
            throw error
        }
    }

    private func note(_ request: any WireRequest, _ response: any WireResponse, after wait: Int64, jumps: Int) {
        let shadow = worker.cluster.shadow
        switch (request, response) {
        case (let request as RegisterRequest, _):
            shadow.sessions.insert(request.session.rawValue)
            shadow.registered.insert(request.worker.text)
        case (let request as ExchangeRequest, let response as ExchangeResponse):
            shadow.exchanged(request, response, by: worker.number, after: wait)
        case (let request as HeartbeatRequest, let response as HeartbeatResponse):
            shadow.heartbeat(request, response, by: worker.number)
        case (let request as MetricBatch, let response as MetricAcknowledgement):
            shadow.acknowledged(request.token, response.next)
        case (let request as BlobBegin, let status as BlobStatus):
            stored(request.sha256, status, jumps)
        case (let request as BlobRequest, let status as BlobStatus):
            stored(request.sha256, status, jumps)
        default: break
        }
    }

    private func stored(_ sha256: String, _ status: BlobStatus, _ jumps: Int) {
        guard status.state == .complete, let digest = ContentDigest(sha256) else { return }
        worker.cluster.shadow.stored(digest, Int64(status.bytes), jumps: jumps)
    }

    /// What no worker in its right mind may be told.
    private func note(_ name: String, _ error: ClientError) {
        guard !error.isTransient, error.code != .refused(.unknownSession) else { return }
        switch name {
        case "register": worker.world.fail("I21", "a worker may not register: \(error)")
        case "exchange": worker.world.fail("wire", "exchange refused: \(error)")
        default: break
        }
    }
}
