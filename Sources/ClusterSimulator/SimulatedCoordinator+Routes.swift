import CSimulatedDisk
import Coordinator
import CoordinatorCore
import Foundation
import Ports
import RunSpec
import SweepLedger
import SweepModel
import SweepWire

/// What the daemon's routes do with a request, on the simulated coordinator: the same verbs and blob steps in the same order.
extension SimulatedCoordinator {
    func register(_ id: UInt64, _ request: RegisterRequest, _ principal: Principal) throws {
        try sessions.check(request.session, principal)
        let caller = Caller(token: principal.id, isAdmin: principal.scope == .admin)
        tell(.register(request, wait(id), by: caller))
    }

    func metrics(_ id: UInt64, _ batch: MetricBatch, _ ledger: Ledger, _ principal: Principal) throws {
        let verb = try sessions.append(batch, principal, ledgerID: ledger.id) { core?.worker(of: $0) }
        perform(verb, .bulk) { [weak self] result in
            self?.settle(id, result) { outcome in
                switch outcome {
                case .stored(let next): self?.finish(id, MetricAcknowledgement(next: next))
                case .gap(let expected):
                    self?.world.probe("metric gap answered")
                    self?.finish(id, .failure(WireError(.gap, "gap", expected: expected)))
                case .superseded: self?.finish(id, .failure(WireError(.superseded, "over")))
                }
            }
        }
    }

    private func settle<Value>(_ id: UInt64, _ result: Result<Value, any Error>, _ use: (Value) -> Void) {
        switch result {
        case .success(let value): use(value)
        case .failure(let error): finish(id, .failure(WireError.from(error)))
        }
    }

    private func audit(_ principal: Principal, _ call: String, _ detail: String) -> AuditEntry {
        AuditEntry(actor: principal.id, call: call, detail: detail, now: world.wall())
    }

    func launch(_ id: UInt64, _ request: LaunchRequest, _ principal: Principal) throws {
        let (verb, jobs) = try LaunchSweep.prepare(request, now: world.wall())
        let texts = try jobs.map { try LaunchJob($0) }
        launch(
            id, verb, texts[...], slice: random.pick([2, 5, 100]), isFirst: true, before: LaunchSweep.Outcome(),
            principal)
    }

    /// Slice by slice, as the route does.
    private func launch(
        _ id: UInt64, _ verb: LaunchSweep, _ jobs: ArraySlice<LaunchJob>, slice: Int, isFirst: Bool,
        before: LaunchSweep.Outcome, _ principal: Principal
    ) {
        var part = verb
        part.jobs = Array(jobs.prefix(slice))
        part.before = before
        part.isFirst = isFirst
        part.isLast = jobs.count <= slice
        perform(Audited(part, audit(principal, "launch", "\(verb.name)")), .bulk) { [weak self] result in
            guard let self else { return }
            settle(id, result) { outcome in
                tellChanged(outcome.changes)
                guard part.isLast else {
                    return launch(
                        id, verb, jobs.dropFirst(slice), slice: slice, isFirst: false, before: outcome, principal)
                }
                finish(
                    id,
                    LaunchResponse(
                        sweep: verb.name.text, configurations: verb.configurations, jobs: outcome.jobs,
                        added: outcome.added, shared: outcome.shared, missingBlobs: []))
            }
        }
    }

    private func tellChanged(
        _ changes: [JobChange], stopping: [AttemptToken] = [], continuing: [AttemptToken] = []
    ) {
        tell(.changed(changes, stopping: stopping, continuing: continuing))
    }

    func act(_ id: UInt64, _ request: ActionRequest, _ ledger: Ledger, _ principal: Principal) {
        let verb = ChangeJobs(
            action: request.action, target: request.target, failure: request.failure, ledgerID: ledger.id,
            now: world.wall())
        perform(Audited(verb, audit(principal, "action", request.action.rawValue))) { [weak self] result in
            guard let self else { return }
            settle(id, result) { outcome in
                tellChanged(outcome.changes, stopping: outcome.stopping, continuing: outcome.continuing)
                finish(
                    id,
                    ActionResponse(
                        changed: outcome.changes.count + outcome.continuing.count, stopping: outcome.stopping.count,
                        untouched: outcome.untouched))
            }
        }
    }

    func drain(_ id: UInt64, _ request: DrainRequest, _ principal: Principal) {
        let verb = SetWorkerState(worker: request.worker, drain: request.drain, now: world.wall())
        perform(Audited(verb, audit(principal, "drain", request.worker))) { [weak self] result in
            guard let self else { return }
            settle(id, result) { worker in
                if !request.drain { trials.lifted(worker) }
                tell(.workerChanged(worker, request.drain ? .draining : .active))
                finish(id, Nothing())
            }
        }
    }

    func blob(
        _ id: UInt64, _ name: String, _ parameters: [String: String], _ body: Data, _ ledger: Ledger
    ) throws {
        func digest(_ text: String) throws -> ContentDigest {
            guard let digest = ContentDigest(text) else { throw WireError(.badRequest, "no SHA-256") }
            return digest
        }
        switch name {
        case "beginBlob":
            let request = try BlobBegin(parameters: parameters, body: body)
            let one = try digest(request.sha256)
            witness?(name) { ledger, done in
                // The witness wants to know only whether it was done; an error is the other answer. So below.
                let status = try? ledger.blobs.begin(one, bytes: request.bytes)
                if case .complete = status { done(true) } else { done(false) }
            }
            answer(id, try ledger.blobs.begin(one, bytes: request.bytes), one, ledger)
        case "putChunk":
            let request = try BlobChunk(parameters: parameters, body: body)
            let one = try digest(request.sha256)
            witness?(name) { ledger, done in
                let status = try? ledger.blobs.put(
                    one, index: request.index, checksum: request.checksum, bytes: request.bytes)
                if case .complete = status { done(true) } else { done(false) }
            }
            let status = try ledger.blobs.put(
                one, index: request.index, checksum: request.checksum, bytes: request.bytes)
            answer(id, status, one, ledger)
        case "commitBlob":
            let one = try digest(try BlobRequest(parameters: parameters, body: body).sha256)
            witness?(name) { ledger, done in done((try? ledger.blobs.seal(one)) != nil) }
            failSoon()
            answer(id, .complete(bytes: try ledger.blobs.seal(one)), one, ledger)
        case "getBlob":
            let request = try BlobRange(parameters: parameters, body: body)
            let data = try ledger.blobs.read(
                try digest(request.sha256), offset: request.offset, count: min(request.count, WireLimit.chunk))
            guard let data else { throw WireError(.notFound, "blob \(request.sha256) is not in the store") }
            finish(id, RawBytes(data))
        default: preconditionFailure("no route \(name)")
        }
    }

    /// Where power and disks are the trouble, syncs fail also between a blob's name and its folder: by chance alone they are
    /// those of the log.
    private func failSoon() {
        guard plan.lane == .power, !isHealed, plan.has(.coordinatorDisk), random.chance(0.1) else { return }
        world.fault("blob-sync-error")
        csd_fail(disk.disk, Int32(CSD_SYNC), Int64(random.integer(below: 3)), 1)
    }

    private func answer(_ id: UInt64, _ status: BlobStore.Status, _ digest: ContentDigest, _ ledger: Ledger) {
        switch status {
        case .unknown: finish(id, BlobStatus(state: .unknown, bytes: 0))
        case .open(let bytes, let missing): finish(id, BlobStatus(state: .open, bytes: bytes, missing: missing))
        case .complete(let bytes):
            perform(AddBlobs(blobs: [(digest.text, bytes)], now: world.wall())) { [weak self] result in
                guard let self else { return }
                settle(id, result) {
                    // As the route does: what cannot be read is not there for the client, who sends it again.
                    guard (try? ledger.blobs.size(digest)) == bytes else {
                        self.world.probe("blob collected while it was told to be there")
                        return self.finish(id, .failure(WireError(.unavailable, "just removed", retryAfter: 1)))
                    }
                    self.finish(id, BlobStatus(state: .complete, bytes: bytes))
                }
            }
        }
    }

    /// What `ledger gc` does, step by step, so that other things happen in between.
    func collect() {
        guard ledger != nil, core != nil else { return }
        lastCollection = max(lastCollection, world.wall().milliseconds)
        perform(CollectBlobs(now: world.wall()), .bulk) { [weak self] result in
            guard let self, case .success(let gone) = result else { return }
            // Files go one after the other: a long list takes its time.
            var wait = 0.0
            let pace = random.pick([0.01, 0.5, 5])
            var going = gone.compactMap { ContentDigest($0.sha256) }
            for _ in going { world.probe("blob collected") }
            do {
                for orphan in try ledger?.orphansNow(now: world.wall()) ?? [] where !going.contains(orphan) {
                    world.probe("file without a row collected")
                    going.append(orphan)
                }
            } catch {
                world.trace("collection: \(error)")
            }
            for digest in going {
                later(wait) { $0.setAside(digest, $1) }
                wait += random.between(0, pace)
            }
        }
    }

    private func setAside(_ digest: ContentDigest, _ ledger: Ledger) {
        do {
            guard try ledger.blobs.setAside(digest) else { return }
            aside.insert(digest)
        } catch {
            return world.trace("collection: \(error)")
        }
        later(random.between(0.001, 0.05)) { coordinator, ledger in
            do {
                let isWanted = try ledger.blobRowCount(digest) > 0
                if isWanted { coordinator.world.probe("blob wanted again while it was collected") }
                try ledger.blobs.settleAside(digest, isWanted: isWanted)
                coordinator.aside.remove(digest)
            } catch {
                coordinator.world.trace("collection: \(error)")
            }
        }
    }

    /// In this life of the process only; while it is paused, after that.
    private func later(_ seconds: Double, _ body: @escaping (SimulatedCoordinator, Ledger) -> Void) {
        let life = life
        world.after(.seconds(seconds)) { [weak self] in
            guard let self, life == self.life, let ledger else { return }
            if pausedUntil > world.now {
                return later(Double(pausedUntil - world.now) / 1e9, body)
            }
            body(self, ledger)
        }
    }

    /// The jobs that a launch makes.
    static func jobIDs(_ request: LaunchRequest) throws -> [JobID] {
        try LaunchSweep.prepare(request, now: WallTime(milliseconds: 0)).1.map(\.id)
    }
}
