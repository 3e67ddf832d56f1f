import CSimulatedDisk
import Foundation
import Ports
import RunSpec
import SweepClient
import SweepModel
import SweepWire
import Worker
import WorkerCore

/// What a worker asks of the coordinator, as the session of the real worker does.
extension SimulatedWorker {
    func register(_ life: Life) {
        do {
            let session = SessionID(rawValue: random.hexadecimal(bytes: 16))
            let request = RegisterRequest(
                WorkerRecord(
                    worker: WorkerID(try identity()), name: "w\(number)", session: session, slots: plan.slots,
                    threads: 1))
            cluster.shadow.sessions.insert(session.rawValue)
            network.insist(.register, request, from: life.peer) { [weak self] result in
                switch result {
                case .success(let response):
                    life.session = session
                    self?.cluster.shadow.registered.insert(request.worker.text)
                    self?.emit(.registered(session, response), life)
                case .failure(let error): self?.world.fail("I21", "a worker may not register: \(error)")
                }
            }
        } catch {
            world.trace("worker \(number) cannot read its identity: \(error)")
            kill()
        }
    }

    func exchange(_ request: ExchangeRequest, _ life: Life) {
        let patience = Duration.seconds(request.waitSeconds + 30)
        let asked = world.now
        network.insist(.exchange, request, from: life.peer, patience: patience) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let response):
                cluster.shadow.exchanged(request, response, by: number, after: world.now - asked)
                emit(.exchanged(request.session, response), life)
            case .failure(let error) where error.code == .refused(.unknownSession):
                world.probe("session unknown")
                emit(.sessionLost(request.session), life)
            case .failure(let error): world.fail("wire", "exchange refused: \(error)")
            }
        }
    }

    func heartbeat(_ request: HeartbeatRequest, _ life: Life) {
        network.call(.heartbeat, request, from: life.peer, patience: .seconds(10)) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let response):
                cluster.shadow.heartbeat(request, response, by: number)
                emit(.heartbeatAnswered(request.session, attempts: request.attempts.map(\.token), response), life)
            case .failure(let error) where error.code == .refused(.unknownSession):
                emit(.sessionLost(request.session), life)
            case .failure(let error):
                emit(.heartbeatFailed(request.session, isRefused: error.answer != nil), life)
            }
        }
    }

    /// - Parameter limit: as in the daemon: 0 for the point that says that the first is lost.
    func sendMetrics(_ token: AttemptToken, _ first: UInt64, _ limit: Int?, _ life: Life) {
        guard let entry = life.held[token] else { return }
        attempt(life, "metrics of \(token)") { [self] in
            var points = try entry.points.points(from: first, limit: min(64, max(1, limit ?? 64)))
            if limit == 0 {
                points = [MetricPoint(key: MetricLimit.lostName, step: Int64(clamping: first), value: .nan)]
            } else if let limit {
                points = Array(points.prefix(limit))
            }
            guard !points.isEmpty else {
                return emit(.metricsAnswered(token, .acknowledged(next: first)), life)
            }
            let session = life.session
            let batch = MetricBatch(
                token: token, session: session, first: first, points: points)
            network.insist(.metrics, batch, from: life.peer, patience: .seconds(60)) { [weak self] result in
                guard let self else { return }
                switch result {
                case .success(let answer):
                    cluster.shadow.acknowledged(token, answer.next)
                    emit(.metricsAnswered(token, .acknowledged(next: answer.next)), life)
                case .failure(let error):
                    switch error.code {
                    case .refused(.gap):
                        emit(.metricsAnswered(token, .gap(expected: error.answer?.expected ?? 1)), life)
                    case .refused(.superseded): emit(.metricsAnswered(token, .superseded), life)
                    case .refused(.unknownSession):
                        // As the daemon does: sent again from the same point in the next session.
                        if let session { emit(.sessionLost(session), life) }
                        emit(.metricsAnswered(token, .gap(expected: first)), life)
                    case .refused(.badRequest), .refused(.tooLarge):
                        world.probe("metrics refused for good")
                        emit(.metricsAnswered(token, .refused(error.message)), life)
                    default: emit(.metricsAnswered(token, .delayed(error.message)), life)
                    }
                }
            }
        }
    }

    func upload(_ token: AttemptToken, _ report: UInt64, _ life: Life) {
        guard let entry = life.held[token] else { return }
        upload(entry.reports.blobs(of: report)[...], token, report, tries: 0, life)
    }

    func upload(
        _ blobs: ArraySlice<SpooledBlob>, _ token: AttemptToken, _ report: UInt64, tries: Int, _ life: Life
    ) {
        guard let blob = blobs.first else { return emit(.uploaded(token, report: report), life) }
        let fail = { [self] (error: String) in
            emit(.uploadFailed(token, report: report, message: error), life)
        }
        guard tries < 3 else { return fail("the upload does not complete") }
        let jumps = cluster.jumps
        let done = { [self] in
            cluster.shadow.stored(blob.sha256, blob.size, jumps: jumps)
            upload(blobs.dropFirst(), token, report, tries: 0, life)
        }
        let again = { [self] in
            later(.seconds(1), life) { [self] in upload(blobs, token, report, tries: tries + 1, life) }
        }
        network.insist(.beginBlob, BlobBegin(sha256: blob.sha256.text, bytes: Int(blob.size)), from: life.peer) {
            [self] result in
            switch result {
            case .failure(let error): fail("\(error)")
            case .success(let status) where status.state == .complete: done()
            case .success(let status):
                sendChunks(status.missing[...], blob, life, fail) { [self] in
                    network.insist(
                        .commitBlob, BlobRequest(sha256: blob.sha256.text), from: life.peer, patience: .seconds(60)
                    ) { result in
                        switch result {
                        case .success(let status) where status.state == .complete: done()
                        case .success: again()
                        case .failure(let error)
                        where error.code == .refused(.conflict) || error.code == .refused(.notFound):
                            again()
                        case .failure(let error): fail("\(error)")
                        }
                    }
                }
            }
        }
    }

    func sendChunks(
        _ missing: ArraySlice<Int>, _ blob: SpooledBlob, _ life: Life, _ fail: @escaping (String) -> Void,
        _ then: @escaping () -> Void
    ) {
        guard let index = missing.first else { return then() }
        let bytes: [UInt8]
        do {
            bytes = try disk.read(blob.path, limit: 1 << 20)
        } catch {
            return fail("\(error)")
        }
        let chunk = BlobChunk(
            sha256: blob.sha256.text, index: index, checksum: CRC32C.of(bytes), bytes: Data(bytes))
        network.insist(.putChunk, chunk, from: life.peer, patience: .seconds(60)) { [self] result in
            switch result {
            case .success: sendChunks(missing.dropFirst(), blob, life, fail, then)
            // The upload was dropped meanwhile: committing finds out.
            case .failure(let error) where error.code == .refused(.notFound): then()
            case .failure(let error): fail("\(error)")
            }
        }
    }
}
