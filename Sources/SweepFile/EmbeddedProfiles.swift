/// Command profiles that come with the program: the files of `worker/profiles`, which a test holds against
/// these copies.
package enum EmbeddedProfiles {
    /// Text by the name that `trainer:` gives.
    package static let all: [String: String] = [
        "program": #"""
        # Any program that takes a job file, an output folder and, when it goes on, a state:
        #   PROGRAM JOB.json OUT [STATE]
        # JOB.json is a sweep file of one job: the parameters stand in groups[0].list[0], the seed in seeds[0].
        # The sweep sets the parameter `program` to an absolute path that exists on every worker.
        command: ["{program}", "{job}", "{out}"]
        resume: ["{checkpoint}"]
        metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
        checkpoints:
          - { glob: "{out}/adapter-*", step: "adapter-([0-9]+)", kind: adapter }
          - { glob: "{out}/state-*", step: "state-([0-9]+)", kind: state }
        samples: [ { glob: "{out}/samples/*.png" } ]
        stop: { signal: TERM, grace: 30s }

        """#
    ]
}
