import Foundation
import RunSpec
import SweepFile
import SweepModel
import Testing

@Suite("Sweeps that edit pictures")
struct EditSweepTests {
    private static let grid = """
        grid:
              algorithm: [fluxspace, flowedit, rf-inversion, sdedit]
              steps: [8]
              fine: { values: [1, 2], when: { algorithm: fluxspace } }
              n_max: { values: [6], when: { algorithm: flowedit } }
              strength: { values: [0.3, 0.6], when: { algorithm: sdedit } }
        """

    private func jobs(_ group: String, top: String = "seeds: [1]") throws -> [ResolvedJob] {
        let sweep = try read(core(group, top: top))
        return try sweep.definition.resolvedJobs(sweep.plan)
    }

    private func faults(_ group: String, top: String = "seeds: [1]") -> String {
        do {
            _ = try read(core(group, top: top))
            return ""
        } catch {
            return error.description
        }
    }

    @Test("the algorithm is an axis; jobs are edits without checkpoints, for workers that know how")
    func jobsOfMethods() throws {
        let sweep = try read(core(Self.grid, top: "seeds: [1, 2]"))
        #expect(sweep.plan.jobs.count == 12 && sweep.plan.checkpointCount == 0)
        #expect(sweep.plan.edits(by: .core) && sweep.plan.warnings.isEmpty)
        let jobs = try sweep.definition.resolvedJobs(sweep.plan)
        #expect(jobs.allSatisfy { $0.kind == .edit && $0.coreVersion == "6.1" && $0.needs.coreVersion == "6.1" })
        #expect(jobs.allSatisfy { $0.checkpoints == nil && $0.evaluation == nil })
        #expect(Set(jobs.map(\.id)).count == 12)
        let read = try JSONDecoder().decode(ResolvedJob.self, from: JSONEncoder().encode(jobs[0]))
        #expect(read.kind == .edit && read == jobs[0])
    }

    @Test("the trainer's file is a task of editing with everything decided")
    func task() throws {
        let job = try #require(try jobs("list: [ { algorithm: sdedit, strength: 0.3, steps: 8 } ]").first)
        let text = try job.trainerFile(
            base: "/b", data: "/d", regData: nil, encoders: [.lpips: "/l"], out: "/o", resume: nil)
        let task = try JSONDecoder().decode(TrainerTask.self, from: Data(text.utf8))
        guard case .edit(let edit) = task.work else {
            Issue.record("\(task.work)")
            return
        }
        var spec = EditSpec(.sdedit)
        (spec.strength, spec.steps) = (0.3, 8)
        #expect(task.out == "/o" && edit.edit == spec)
        let wanted = EditTask(
            job: job.id.text, base: "/b", data: "/d", encoders: [.lpips: "/l"], edit: spec, seed: 1)
        #expect(edit == wanted)
    }

    @Test("named encoders decide what an edit leaves, so they are in its id; of a training they are not")
    func encoders() throws {
        let edit = "list: [ { algorithm: sdedit } ]"
        let named = "seeds: [1]\nevaluate: { lpips: e, dinov2: f }"
        let other = "seeds: [1]\nevaluate: { lpips: e, dinov2: g }"
        let ids = try [jobs(edit), jobs(edit, top: named), jobs(edit, top: other)].map { $0[0].id }
        #expect(Set(ids).count == 3)
        #expect(try jobs(edit, top: named)[0].encoders.count == 2)
        let training = "list: [ { algorithm: lora } ]"
        #expect(try jobs(training, top: named)[0].id == jobs(training, top: other)[0].id)
    }

    @Test("what is for trainings is refused, not left out in silence")
    func refused() {
        let edit = "list: [ { algorithm: sdedit } ]"
        #expect(faults(edit) == "")
        #expect(faults("list: [ { algorithm: sdedit }, { algorithm: lora } ]").contains("trains or edits"))
        #expect(faults(edit, top: "evaluate: { images: 6 }").contains("names encoders alone"))
        #expect(faults(edit, top: "checkpoints: { epochs: [1] }").contains("checkpoints: for trainings"))
        #expect(faults("list: [ { algorithm: flowedit, steps: 8 } ]").contains("n_max"))
        #expect(faults("list: [ { algorithm: sdedit, stength: 0.5 } ]").contains("did you mean 'strength'"))
    }

    @Test("the sweep that ships expands")
    func shipped() throws {
        let text = try String(contentsOfFile: repository + "/sweeps/fluxspace.yaml", encoding: .utf8)
        let sweep = try read(text)
        #expect(sweep.plan.jobs.count == 84 && sweep.plan.edits(by: .core) && sweep.plan.warnings.isEmpty)
    }
}
