import Ports

/// What one run is like: drawn from its seed, swarm style, so that every run has another mix of faults.
package struct Plan: Sendable {
    package enum Fault: String, CaseIterable, Sendable {
        case requestLost = "request-lost"
        case answerLost = "answer-lost"
        case duplicate
        case delay
        case partition
        case coordinatorKill = "coordinator-kill"
        case coordinatorPowerCut = "coordinator-power-cut"
        case killInCommit = "kill-in-commit"
        case coordinatorPause = "coordinator-pause"
        case coordinatorDisk = "coordinator-disk-error"
        case coordinatorDiskFull = "coordinator-disk-full"
        case slowSync = "slow-sync"
        case workerKill = "worker-kill"
        case workerPowerCut = "worker-power-cut"
        case workerPause = "worker-pause"
        case workerDiskFull = "worker-disk-full"
        case workerReinstalled = "worker-reinstalled"
        case twin = "two-workers-one-identity"
        case trainerCrash = "trainer-crash"
        case trainerHang = "trainer-hang"
        case trainerDeaf = "trainer-deaf"
        case trainerEmpty = "trainer-exits-without-output"
        case wallJump = "wall-clock-jump"
        case userAction = "user-action"
        case drain
        case relaunch
        case collect = "garbage-collection"
        case restore = "backup-restored"
    }

    package var workers: Int
    package var slots: Int
    package var jobs: Int
    package var leaseSeconds: Double
    /// Length of the phase with faults.
    package var seconds: Double
    package var faults: Set<Fault>
    /// Mean seconds between two faults of a kind that comes by itself.
    package var pace: Double
    /// Chance that a message suffers.
    package var loss: Double
    /// Jobs that fail by themselves always.
    package var poison: Double

    package init(seed: UInt64) {
        let random = SeededRandom(seed: seed ^ 0x504C_414E)
        workers = 1 + random.integer(below: 5)
        slots = 1 + random.integer(below: 3)
        jobs = 2 + random.integer(below: 12)
        leaseSeconds = random.pick([10, 30, 60])
        seconds = random.pick([600, 1200, 2400])
        pace = random.pick([40, 120, 300])
        loss = random.pick([0.005, 0.03, 0.15, 0.3])
        poison = random.chance(0.3) ? 0.2 : 0
        var chosen: Set<Fault> = []
        let density = random.pick([0.15, 0.35, 0.6, 0.9])
        for fault in Fault.allCases where random.chance(density) { chosen.insert(fault) }
        faults = random.chance(0.05) ? [] : chosen
    }

    package func has(_ fault: Fault) -> Bool { faults.contains(fault) }

    package var summary: String {
        "\(workers) workers × \(slots), \(jobs) jobs, lease \(Int(leaseSeconds)) s, \(Int(seconds)) s; "
            + (faults.isEmpty ? "no faults" : faults.map(\.rawValue).sorted().joined(separator: " "))
    }
}
