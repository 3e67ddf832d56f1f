import CSimulatedDisk
import Foundation
import Ports

/// Many worlds one after the other, and what came of them.
package struct Simulation {
    package struct Report {
        package var runs = 0
        /// Runs that came to their end, where all jobs have ended and everything is looked at once more.
        package var wholeRuns = 0
        package var events = 0
        package var hours = 0.0
        package var starts = 0
        package var checks = 0
        /// Power cuts on copies of the coordinator's disk, each looked at.
        package var images = 0
        package var probes: [String: Int] = [:]
        package var faults: [String: Int] = [:]
        package var pairs: [String: Int] = [:]
        package var faultKindsPerRun: [Int] = []
        package var faultsPerRun: [Int] = []
        /// Seed and violation of each run that went wrong.
        package var failures: [(seed: UInt64, violation: String)] = []
    }

    package struct Run {
        package let seed: UInt64
        package let plan: Plan
        package let violation: String?
        package let traceHash: UInt64
        package let events: Int
        package let lines: [String]
        /// Of rented machines: how many ended politely, how many of them with something that nobody had taken
        /// yet, what was trained again, in seconds, and from one state to the next.
        package let rented: (lives: Int, cut: Int, repeated: [Cluster.Loss: Double], stateInterval: Double)
    }

    package private(set) var report = Report()
    package init() { precondition(csd_register_vfs() == 0, "SQLite takes no other VFS") }

    /// One world.
    package mutating func run(seed: UInt64, plan: Plan? = nil, mutants: Set<String> = []) -> Run {
        Mutant.use(mutants)
        Faults.countOnly()
        let cluster = Cluster(seed: seed, plan: plan)
        let images = cluster.plan.images > 0 ? PowerImages(cluster, chance: cluster.plan.images) : nil
        cluster.run(mostEvents: cluster.plan.mostEvents)
        images?.stop()
        report.images += images?.images ?? 0
        let world = cluster.world
        let summary = cluster.summary
        report.runs += 1
        report.wholeRuns += cluster.isWhole ? 1 : 0
        report.events += world.eventCount
        report.hours += summary.hours
        report.starts += summary.starts
        report.checks += summary.checks
        for (name, count) in world.probes { report.probes[name, default: 0] += count }
        for (name, count) in Faults.counts { report.probes["reached " + name, default: 0] += count }
        for (name, count) in world.faults { report.faults[name, default: 0] += count }
        for (name, count) in world.pairs { report.pairs[name, default: 0] += count }
        report.faultsPerRun.append(world.faults.values.reduce(0, +))
        report.faultKindsPerRun.append(world.faults.count)
        let rented = (cluster.lives, cluster.cutLives, cluster.repeated, cluster.stateInterval)
        cluster.dismantle()
        if let violation = world.violation { report.failures.append((seed, violation)) }
        return Run(
            seed: seed, plan: cluster.plan, violation: world.violation, traceHash: world.traceHash,
            events: world.eventCount, lines: world.lines, rented: rented)
    }

    /// What `power` and `errors` came to.
    package struct Sweep {
        package var cases = 0
        package var details: [String: Int] = [:]
        package var violation: String?
    }

    /// Power cuts of the coordinator's disk while a world runs.
    package mutating func power(seed: UInt64) -> Sweep {
        Mutant.use([])
        Faults.countOnly()
        var plan = Plan(seed: seed)
        // While a backup is put in its place the ledger is a folder in the hands of a tool.
        plan.faults.subtract([.restore])
        let cluster = Cluster(seed: seed, plan: plan)
        let images = PowerImages(cluster, chance: 0.004)
        cluster.run(mostEvents: 10_000)
        images.stop()
        cluster.dismantle()
        return Sweep(
            cases: images.images,
            details: ["with a second fault": images.secondFaults, "operations": images.operations],
            violation: cluster.world.violation)
    }

    /// Errors of the coordinator's disk in everything that a world asks of its ledger.
    package mutating func errors(seed: UInt64) -> Sweep {
        Mutant.use([])
        Faults.countOnly()
        var plan = Plan(seed: seed)
        plan.faults.subtract([.restore, .coordinatorDisk, .coordinatorDiskFull])
        plan.faults.formUnion([.userAction, .drain, .collect, .relaunch])
        let cluster = Cluster(seed: seed, plan: plan)
        let sweep = ErrorSweep(cluster, chance: 0.02)
        cluster.run(mostEvents: 10_000)
        sweep.stop()
        cluster.dismantle()
        return Sweep(
            cases: sweep.runs,
            details: sweep.deeds.merging(sweep.outcomes.map { ("-> " + $0.key, $0.value) }, uniquingKeysWith: +),
            violation: cluster.world.violation)
    }

    /// The smallest plan found that still goes wrong in the same way: fewer faults, workers, jobs, less time.
    package mutating func shrink(_ run: Run, mutants: Set<String> = []) -> Run {
        let kind = run.violation?.prefix { $0 != ":" }
        var best = run
        func fails(_ plan: Plan, _ simulation: inout Simulation) -> Run? {
            let other = simulation.run(seed: run.seed, plan: plan, mutants: mutants)
            return other.violation?.prefix { $0 != ":" } == kind ? other : nil
        }
        var isSmaller = true
        while isSmaller {
            isSmaller = false
            var candidates: [Plan] = best.plan.faults.sorted { $0.rawValue < $1.rawValue }.map { fault in
                var plan = best.plan
                plan.faults.remove(fault)
                return plan
            }
            for change in [\Plan.workers, \Plan.jobs, \Plan.slots] where best.plan[keyPath: change] > 1 {
                var plan = best.plan
                plan[keyPath: change] = max(1, plan[keyPath: change] / 2)
                candidates.append(plan)
            }
            if best.plan.seconds > 60 {
                var plan = best.plan
                plan.seconds /= 2
                candidates.append(plan)
            }
            for plan in candidates {
                if let found = fails(plan, &self) {
                    best = found
                    isSmaller = true
                    break
                }
            }
        }
        return best
    }
}
