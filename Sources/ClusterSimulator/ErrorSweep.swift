import CSimulatedDisk
import Ports
import SweepLedger
import SweepModel

/// Disk errors in the middle of what a ledger is asked to do: afterwards the whole of it is there or nothing,
/// what was answered is there, and the ledger opens again.
final class ErrorSweep {
    private struct Content: Equatable {
        var tables: [String: [[LedgerInspector.Value]]]
        var blobs: [String]

        func difference(_ other: Content) -> String {
            if blobs != other.blobs { return "blobs: \(blobs.count) and \(other.blobs.count)" }
            return tables.filter { other.tables[$0.key] != $0.value }.keys.sorted().joined(separator: ", ")
        }
    }

    private enum Fault: CaseIterable { case read, write, sync, open, full }

    private let cluster: Cluster
    private let random: SeededRandom
    private let chance: Double
    private(set) var runs = 0
    /// Runs by what was being done.
    private(set) var deeds: [String: Int] = [:]
    private(set) var outcomes: [String: Int] = [:]
    private static let runsPerDeed = 12

    /// - Parameter chance: that something the coordinator asks of its ledger is tried with errors first, on
    ///   copies.
    init(_ cluster: Cluster, chance: Double) {
        self.cluster = cluster
        self.chance = chance
        random = cluster.world.random("errors")
        cluster.coordinator.witness = { [unowned self] name, deed in consider(name, deed) }
    }

    func stop() { cluster.coordinator.witness = nil }

    private func consider(_ name: String, _ deed: @escaping SimulatedCoordinator.Deed) {
        // Rare deeds are tried as often as common ones, as far as there are any.
        let rarity = 20 / Double(20 + (deeds[name] ?? 0) / Self.runsPerDeed)
        guard cluster.world.violation == nil, random.chance(chance * rarity) else { return }
        let before = SimulatedDisk(number: 60, seed: UInt64(random.integer(below: .max)))
        csd_clone(cluster.coordinator.disk.disk, before.disk)
        defer { before.dispose() }
        do {
            let (old, new, counts, isDone) = try reference(before, deed)
            for _ in 0..<Self.runsPerDeed where cluster.world.violation == nil {
                runs += 1
                deeds[name, default: 0] += 1
                let fault = random.pick(Fault.allCases)
                do {
                    try attempt(before, deed, fault, counts, isDone ? (old, new) : (old, old))
                } catch {
                    cluster.world.fail("disk error", "\(name), \(fault): \(error)")
                }
            }
        } catch {
            cluster.world.fail("disk error", "\(name), without an error: \(error)")
        }
    }

    private func reference(
        _ before: SimulatedDisk, _ deed: @escaping SimulatedCoordinator.Deed
    ) throws -> (Content, Content, [Int64], Bool) {
        try onCopy(of: before) { disk in
            let ledger = try SimulatedCoordinator.open(disk, cluster)
            let old = try content(disk, ledger.path)
            let kinds = [CSD_READ, CSD_WRITE, CSD_SYNC, CSD_OPEN].map { Int32($0) }
            let start = kinds.map { csd_count(disk.disk, $0) }
            let isDone = perform(deed, ledger)
            let counts = zip(kinds, start).map { csd_count(disk.disk, $0) - $1 }
            return (old, try content(disk, ledger.path), counts, isDone)
        }
    }

    private func attempt(
        _ before: SimulatedDisk, _ deed: @escaping SimulatedCoordinator.Deed, _ fault: Fault, _ counts: [Int64],
        _ allowed: (Content, Content)
    ) throws {
        try onCopy(of: before) { disk in
            var isDone = false
            let first = try SimulatedCoordinator.open(disk, cluster)
            arm(disk, fault, counts)
            isDone = perform(deed, first)
            disarm(disk)
            // A full disk is waited out by the same process.
            if !isDone, fault == .full, random.chance(0.5) {
                isDone = perform(deed, first)
                count(isDone ? "done once there was room" : "refused")
            }
            end(disk, first)
            if random.chance(0.25) {
                arm(disk, random.pick(Fault.allCases), [20, 20, 4, 4])
                let second = try? SimulatedCoordinator.open(disk, cluster)  // that it may fail is the point
                disarm(disk)
                end(disk, second)
                count("second error")
            }
            let ledger = try SimulatedCoordinator.open(disk, cluster)
            let found = try content(disk, ledger.path)
            if isDone, found != allowed.1 {
                throw PortsError(.malformed, "answered and not there: \(found.difference(allowed.1))")
            }
            guard found == allowed.0 || found == allowed.1 else {
                throw PortsError(
                    .malformed,
                    "a part of it is there: \(found.difference(allowed.0)); \(found.difference(allowed.1))")
            }
            count(isDone ? "answered" : found == allowed.1 ? "there without an answer" : "absent")
        }
    }

    /// The process ends, or the power does.
    private func end(_ disk: SimulatedDisk, _ ledger: Ledger?) {
        withExtendedLifetime(ledger) {
            if random.chance(0.5) {
                disk.powerCut(keep: random.pick([0, 0.5, 0.9, 1]))
            } else {
                disk.processGone()
            }
        }
    }

    private func count(_ outcome: String) { outcomes[outcome, default: 0] += 1 }

    private func arm(_ disk: SimulatedDisk, _ fault: Fault, _ counts: [Int64]) {
        func fail(_ kind: Int, _ count: Int64) {
            csd_fail(disk.disk, Int32(kind), Int64(random.integer(below: Int(count) + 1)), random.pick([1, -1]))
        }
        switch fault {
        case .read: fail(Int(CSD_READ), counts[0])
        case .write: fail(Int(CSD_WRITE), counts[1])
        case .sync: fail(Int(CSD_SYNC), counts[2])
        case .open: fail(Int(CSD_OPEN), counts[3])
        case .full:
            csd_set_capacity(disk.disk, csd_used(disk.disk) + Int64(random.pick([0, 1000, 5000, 20000])))
        }
    }

    private func disarm(_ disk: SimulatedDisk) {
        csd_heal(disk.disk)
        csd_set_capacity(disk.disk, -1)
    }

    private func perform(_ deed: SimulatedCoordinator.Deed, _ ledger: Ledger) -> Bool {
        var isDone = false
        deed(ledger) { isDone = $0 }
        while ledger.writer.step() {}
        return isDone
    }

    private func onCopy<Result>(of other: SimulatedDisk, _ body: (SimulatedDisk) throws -> Result) throws -> Result {
        let disk = SimulatedDisk(number: 61, seed: UInt64(random.integer(below: .max)))
        csd_clone(other.disk, disk.disk)
        defer { disk.dispose() }
        let result = try body(disk)
        disk.processGone()
        return result
    }

    private func content(_ disk: SimulatedDisk, _ path: String) throws -> Content {
        csd_suspend(disk.disk, 1)
        defer { csd_suspend(disk.disk, 0) }
        let inspector = try LedgerInspector(path)
        try inspector.checkFile()
        var blobs: [String] = []
        let root = disk.root + "/data/blobs"
        for folder in try disk.list(root) where folder != "uploads" {
            for name in try disk.list("\(root)/\(folder)") {
                let bytes = try disk.read("\(root)/\(folder)/\(name)", limit: 1 << 24)
                guard ContentDigest.of(bytes).text == folder + name else {
                    throw PortsError(.malformed, "blob \(folder)\(name) has other content")
                }
                blobs.append(folder + name)
            }
        }
        return Content(tables: try inspector.everything(), blobs: blobs)
    }
}
