import CSimulatedDisk
import Ports
import SweepLedger
import SweepModel
import SweepWire

/// The faults that come by themselves.
extension Cluster {
    func schedule(_ fault: Plan.Fault) {
        let mean: Double? =
            switch fault {
            case .requestLost, .answerLost, .duplicate, .delay, .slowSync, .killInCommit, .trainerCrash, .trainerHang,
                .trainerDeaf, .trainerEmpty, .badHost, .machineDown:
                nil
            case .restore, .workerReinstalled, .coordinatorDiskFull, .workerDiskFull: plan.pace * 4
            default: plan.pace
            }
        guard let mean else { return }
        world.after(random.exponential(mean, cap: mean * 8)) { [weak self] in
            guard let self, !self.isHealed else { return }
            self.happen(fault)
            self.schedule(fault)
        }
    }

    private func happen(_ fault: Plan.Fault) {
        let worker = workers[random.integer(below: workers.count)]
        let keep = random.pick([0, 0, 0.5, 0.9, 1.0])
        var rests = [1, 5, 20, plan.leaseSeconds * 1.5, plan.leaseSeconds * 3]
        if plan.lane == .long { rests += [1800, 7200] }
        let rest = Duration.seconds(random.pick(rests))
        switch fault {
        case .coordinatorKill where coordinator.isUp: coordinator.kill(restart: rest)
        case .coordinatorPowerCut where coordinator.isUp: coordinator.kill(keep: keep, restart: rest)
        case .coordinatorPause where coordinator.isUp:
            var rests = [2, 10, plan.leaseSeconds * 2, plan.lane == .long ? 3600 : 600]
            // Trouble comes every few seconds there: it would stand still all the time.
            if plan.lane == .stops { rests = [2, 10] }
            coordinator.pause(seconds: random.pick(rests))
        case .coordinatorDisk where coordinator.isUp:
            let kind = random.pick([CSD_READ, CSD_WRITE, CSD_SYNC, CSD_SYNC, CSD_OPEN])
            csd_fail(coordinator.disk.disk, Int32(kind), Int64(random.integer(below: 20)), random.pick([1, 1, 3, -1]))
        case .coordinatorDiskFull: fill(coordinator.disk)
        case .workerKill where worker.life != nil: worker.kill(restart: rest)
        case .workerPowerCut where worker.life != nil: worker.kill(keep: keep, restart: rest)
        case .workerPause where worker.life != nil:
            worker.pause(seconds: random.pick([5, plan.leaseSeconds * 1.2, plan.leaseSeconds * 3]))
        case .workerDiskFull where worker.life != nil: fill(worker.disk)
        case .workerReinstalled where worker.life != nil: worker.reinstall()
        case .twin where workers.count > 1 && worker.life != nil:
            let other = workers[worker.number % workers.count]
            // As in setDrain.
            guard (try? worker.identity()) != nil, other.life != nil else { return }
            other.become(worker)
            world.after(.seconds(random.between(5, 90))) { [weak other] in
                if other?.isTwin ?? false { other?.become(nil) }
            }
        case .partition: partition()
        case .wallJump:
            let day: Int64 = 86_400_000
            jump(random.pick([-3650 * day, -day, -3_600_000, 3_600_000, day, 3650 * day]))
        case .userAction:
            let target = random.chance(0.4) ? nil : random.pick(jobIDs).text
            let wishes: [JobAction] =
                plan.isHasty
                ? [.pause, .pause, .unpause, .resume] : [.pause, .unpause, .unpause, .cancel, .resume, .resume]
            let wish = random.pick(wishes)
            act(wish, target)
            // Somebody who changes their mind while the first wish is still on its way.
            if plan.lane == .stops, wish == .pause {
                world.after(.seconds(random.between(0.5, plan.isHasty ? 4 : 9))) { [weak self] in
                    self?.act(.unpause, target)
                }
            }
        case .drain:
            setDrain(worker, true)
            let isShort = plan.isHasty || plan.lane == .flapping
            let rest = isShort ? random.between(0.5, 4) : 60
            world.after(.seconds(rest)) { [weak self] in self?.setDrain(worker, false) }
        case .relaunch: launch()
        case .collect:
            // So long that grace periods end, or that only those do which nobody renewed.
            let hours = Int64(random.pick([0, 0, 13, 25]))
            if hours > 0 { jump(hours * 3_600_000) }
            coordinator.collect()
        case .restore: restoreOrBackUp()
        case .uninvited where coordinator.isUp: stranger.act()
        case .workerGone where worker.life != nil && workers.count > 1 && !isOneGone:
            isOneGone = true
            worker.kill(restart: .seconds(1_000_000_000))
        case .spoolDamage where worker.life != nil:
            guard worker.damage() else { return }
        default: return
        }
        world.fault(fault.rawValue)
    }

    /// A state that an error of a disk or a restored backup took away fails its attempts, as a crash.
    var mayLoseStates: Bool { wasRestored || plan.has(.coordinatorDisk) || plan.has(.spoolDamage) }

    func jump(_ milliseconds: Int64) {
        jumps += 1
        world.wallOffset += milliseconds
    }

    private func fill(_ disk: SimulatedDisk) {
        csd_set_capacity(disk.disk, csd_used(disk.disk) + Int64(random.integer(below: 4000)))
        world.after(.seconds(random.between(5, 90))) { csd_set_capacity(disk.disk, -1) }
    }

    private func partition() {
        // Swizzled: cut one after the other, healed in another order.
        for worker in workers where random.chance(0.6) {
            let number = worker.number
            let (up, down) = random.pick([(true, true), (true, true), (true, false), (false, true)])
            let begin = random.between(0, 5)
            let length = random.pick([5, plan.leaseSeconds * 1.5, plan.leaseSeconds * 4])
            world.after(.seconds(begin)) { [network] in
                if up { network.lostUp.insert(number) }
                if down { network.lostDown.insert(number) }
            }
            world.after(.seconds(begin + length * random.between(0.5, 1.5))) { [network] in
                network.lostUp.remove(number)
                network.lostDown.remove(number)
            }
        }
    }

    private func restoreOrBackUp() {
        guard coordinator.isUp, let ledger = coordinator.ledger else { return }
        do {
            if let backup, random.chance(0.5) {
                world.probe("backup restored")
                wasRestored = true
                // Of one that fails only the next start knows whether it happened.
                shadow.undecided = (shadow.epoch, shadow.promises)
                shadow.promises = backup.promises
                shadow.epoch = .max
                checker.forget()
                shadow.epoch = try coordinator.restore(backup.path)
                shadow.undecided = nil
            } else {
                let path = coordinator.disk.root + "/backup-\(world.now)"
                // As `ledger backup` does: whole and synced, or not there.
                try ledger.copyNow(to: path + ".tmp")
                try coordinator.disk.publish(path + ".tmp", as: path)
                backup = (path, shadow.promises)
                world.probe("backup made")
            }
        } catch {
            world.trace("backup or restore: \(error)")
            if !coordinator.isUp { world.after(.seconds(2)) { [weak self] in self?.coordinator.start() } }
        }
    }
}
