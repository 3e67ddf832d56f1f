import CSimulatedDisk
import Ports
import SweepLedger

/// What the coordinator's disk may hold after a power cut at any of its operations: opened again and held
/// against what clients were told until then.
final class PowerImages {
    private let cluster: Cluster
    private let random: SeededRandom
    private let chance: Double
    private var isInside = false
    private(set) var images = 0
    /// Images whose recovery met a fault too.
    private(set) var secondFaults = 0
    private(set) var operations = 0

    /// - Parameter chance: that an operation of the disk is followed by a power cut.
    init(_ cluster: Cluster, chance: Double) {
        self.cluster = cluster
        self.chance = chance
        random = cluster.world.random("images")
        let context = Unmanaged.passUnretained(self).toOpaque()
        csd_watch(
            cluster.coordinator.disk.disk,
            { context in
                guard let context else { return }
                Unmanaged<PowerImages>.fromOpaque(context).takeUnretainedValue().happened()
            }, context)
    }

    func stop() { csd_watch(cluster.coordinator.disk.disk, nil, nil) }

    private func happened() {
        operations += 1
        // A start repairs what the end before it left: there a cut is worth the most.
        let chance = cluster.coordinator.isUp ? chance : max(chance, 0.05)
        guard !isInside, cluster.world.violation == nil, random.chance(chance) else { return }
        isInside = true
        defer { isInside = false }
        images += 1
        let disk = SimulatedDisk(number: 60, seed: UInt64(random.integer(below: .max)))
        csd_clone(cluster.coordinator.disk.disk, disk.disk)
        let keep = random.pick([0, 0.1, 0.5, 0.9, 0.98, 1])
        disk.powerCut(keep: keep)
        if random.chance(0.15) { meetSecondFault(disk) }
        do {
            try hold(disk)
        } catch {
            cluster.world.fail("restart", "after a power cut that kept \(keep): \(error)")
        }
        disk.dispose()
    }

    /// A disk error while the ledger is opened, then the end of the process or another power cut.
    private func meetSecondFault(_ disk: SimulatedDisk) {
        secondFaults += 1
        let kind = random.pick([CSD_READ, CSD_WRITE, CSD_SYNC, CSD_OPEN])
        csd_fail(disk.disk, Int32(kind), Int64(random.integer(below: 40)), random.pick([1, -1]))
        let ledger = try? SimulatedCoordinator.open(disk, cluster)  // that it may fail is the point
        withExtendedLifetime(ledger) {
            if random.chance(0.6) { disk.powerCut(keep: random.pick([0, 0.5, 1])) } else { disk.processGone() }
        }
        csd_heal(disk.disk)
    }

    private func hold(_ disk: SimulatedDisk) throws {
        let ledger = try SimulatedCoordinator.open(disk, cluster)
        try withExtendedLifetime(ledger) {
            let inspector = try LedgerInspector(ledger.path)
            try inspector.checkFile()
            let checker = Checker(cluster, disk: disk, folder: ledger.folder)
            try checker.look(inspector, everything: random.chance(0.1))
        }
        disk.processGone()
    }
}

extension LedgerInspector {
    /// SQLite's own checks.
    func checkFile() throws {
        let said = try rows("PRAGMA integrity_check")
        guard said.count == 1, said[0][0].string == "ok" else {
            throw Failure(description: "integrity_check: \(said.first?[0].string ?? "")")
        }
        let orphans = try rows("PRAGMA foreign_key_check")
        guard orphans.isEmpty else { throw Failure(description: "foreign_key_check: \(orphans[0])") }
    }

    /// Every row of every table.
    func everything() throws -> [String: [[Value]]] {
        let tables = try rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return Dictionary(
            uniqueKeysWithValues: try tables.map { ($0[0].string, try rows("SELECT * FROM \"\($0[0].string)\"")) })
    }
}

extension SimulatedCoordinator {
    /// Opens the ledger on a copy of the coordinator's disk.
    static func open(_ disk: SimulatedDisk, _ cluster: Cluster) throws -> Ledger {
        try Ledger(
            folder: disk.root + "/data", time: cluster.world, random: SeededRandom(seed: cluster.world.seed),
            files: disk,
            isStepped: true, checkpointBytes: cluster.coordinator.checkpointBytes, onFatal: { _ in })
    }
}
