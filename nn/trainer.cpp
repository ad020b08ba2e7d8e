#include "nn/trainer.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/base/safetensors.h"
#include "kernels/ops/rows.h"
#include "nn/evaluation.h"
#include "nn/metrics_log.h"
#include "nn/network.h"
#include "nn/progress.h"
#include "nn/statistics.h"

namespace bragg::nn {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Shortest text that reads back as the same double.
std::string exact(double value) {
  return fmt::format("{}", value);
}

/// What a run carries from one interval of the log to the next and through an interruption, besides weights
/// and moments.
struct Carried {
  double elapsed_s = 0;   ///< of all runs, up to the start of this one
  double interval_s = 0;  ///< training time since the last line of the log
  double best_accuracy = std::numeric_limits<double>::quiet_NaN();
  std::optional<std::uint64_t> evaluated_step;  ///< the last one with an evaluation
  std::int64_t without_gain = 0;                ///< evaluations since the best
};

/// One call of Trainer::run: memory, network and files.
class Run {
 public:
  Run(Backend& backend, const Model& model, const TrainOptions& options, BatchSource& train,
      FiniteSource* held_out, Metadata metadata, std::filesystem::path out)
      : backend_(backend),
        model_(model),
        options_(options),
        source_(train),
        held_out_(held_out),
        metadata_(std::move(metadata)),
        out_(std::move(out)),
        parameters_(backend, model,
                    options.ema_decay > 0 ? Parameters::Use::averaging : Parameters::Use::training),
        state_buffer_(backend.allocate(sizeof(StepState))),
        network_(
            backend, model, parameters_,
            {options.batch, Mode::training, options.seed, state(), optimizer_of(options), loss_of(options)}) {
    for (const auto& [key, value] : settings(options))
      metadata_[key] = value;
    metadata_["arithmetic"] = backend.arithmetic();
    source_.plan(backend, options.batch);
    record_step();
    if (options.ema_decay > 0) averaged_.emplace(backend, model, Parameters::Use::inference);
    if (held_out_ && held_out_->size() > 0)
      evaluator_.emplace(backend, model, answering(),
                         NetworkOptions{.N = std::min(options.batch, held_out_->size())});
  }

  void start() {
    for (const char* name : {"last.safetensors", "best.safetensors", "model.safetensors"})
      if (std::filesystem::exists(out_ / name))
        throw UsageError(fmt::format("{} already holds a run ({}): resume it or choose another folder",
                                     out_.string(), name));
    if (options_.init.empty())
      initialise(parameters_, options_.seed);
    else
      step_.first_index = load_initial_weights(options_.init, model_, parameters_);
    backend_.upload(&step_, state_buffer_.data(), sizeof step_);
    if (parameters_.average()) parameters_.start_average();
  }

  void resume() {
    const auto path = out_ / "last.safetensors";
    if (!std::filesystem::exists(path)) throw UsageError(fmt::format("{}: nothing to resume", path.string()));
    const LoadedModel saved = read_model(path);
    if (saved.model.config != model_.config)
      throw UsageError(fmt::format("{} holds the model {}, the config says {}", path.string(),
                                   to_json(saved.model.config), to_json(model_.config)));
    const SafetensorsFile file(path);
    check_resumed(options_, saved.metadata, file.count("step"), path.string());
    step_ = load_checkpoint(path, parameters_);
    backend_.upload(&step_, state_buffer_.data(), sizeof step_);
    carried_ = {file.number("elapsed_s"), file.number("interval_s"), file.number("best_accuracy"), {}, 0};
    if (file.metadata().contains("evaluated_step")) carried_.evaluated_step = file.count("evaluated_step");
    if (file.metadata().contains("evaluations_without_gain"))
      carried_.without_gain = static_cast<std::int64_t>(file.count("evaluations_without_gain"));
    for (std::size_t head = 0; head < network_.heads(); ++head) {
      const auto number = [&](const char* key) { return file.number(key + suffix_of(head)); };
      network_.write_totals(
          {number("interval_loss_sum"), static_cast<std::uint64_t>(number("interval_correct")),
           static_cast<std::uint64_t>(number("interval_count"))},
          head);
    }
  }

  /// The first writing: nothing is refused any more.
  void open() {
    std::filesystem::create_directories(out_);
    log_.emplace(out_ / "metrics.jsonl", step_.step);
    saved_ = Clock::now();
    if (step_.step == 0) save();
  }

  TrainResult train(const std::function<bool()>& stop_requested) {
    started_ = Clock::now();
    const auto steps = static_cast<std::uint64_t>(options_.steps);
    try {
      if (step_.step == steps || is_exhausted()) finish_interrupted();
      while (step_.step < steps && !is_exhausted()) {
        step();
        const bool last = step_.step == steps;
        const bool stop = !last && stop_requested && stop_requested();
        if (due(options_.log_every) || last) log();
        const bool evaluated = due(options_.evaluate_every) || last;
        if (evaluated) evaluate();
        if (!last && is_exhausted()) end_early();
        if (evaluated || stop || due(options_.save_every) || save_is_due()) save();
        if (stop) return result(TrainOutcome::interrupted);
      }
      take_average();
      save_model(out_ / "model.safetensors", model_, answering(), model_metadata());
    } catch (const NotFiniteError& e) {
      progress_.note(fmt::format("stopped at step {}: {}", step_.step, e.what()));
      return result(TrainOutcome::diverged);
    }
    return result(TrainOutcome::finished);
  }

 private:
  /// Of a head's keys in checkpoints: nothing for the first.
  std::string suffix_of(std::size_t head) const {
    return head == 0 ? "" : "." + model_.graph.heads()[head].name;
  }
  Tensor state() const { return {state_buffer_.data(), DType::u64}; }
  bool due(std::int64_t every) const {
    return every > 0 && step_.step % static_cast<std::uint64_t>(every) == 0;
  }
  bool save_is_due() const {
    constexpr double seconds = 60;
    return options_.save_minutes > 0 && seconds_since(saved_) >= seconds * options_.save_minutes;
  }
  double elapsed() const { return carried_.elapsed_s + seconds_since(started_); }
  TrainResult result(TrainOutcome outcome) const { return {outcome, step_, carried_.best_accuracy}; }

  /// What answers: the average of the weights where there is one, as take_average() found it.
  const Parameters& answering() const { return averaged_ ? *averaged_ : parameters_; }
  void take_average() {
    if (!averaged_ || averaged_step_ == step_.step) return;
    averaged_->take_average(parameters_);
    averaged_step_ = step_.step;
    // Statistics in parameters_ are of other weights: they are taken anew, from the patterns of the last steps.
    constexpr std::int64_t batches = 24;
    const auto patterns = static_cast<std::uint64_t>(batches * options_.batch);
    const std::uint64_t first = step_.first_index > patterns ? step_.first_index - patterns : 0;
    if (take_statistics(backend_, model_, *averaged_, source_, {options_.batch, batches, first}))
      record_step();
  }

  void record_step() {
    step_ops_ = backend_.record([this] {
      source_.enqueue(backend_, state(), network_.input(), network_.labels());
      network_.forward();
      network_.loss();
      network_.backward();
      network_.update();
      backend_.run(Advance{options_.batch, state()});
    });
  }

  void step() {
    const auto start = Clock::now();
    if (source_.prepare(backend_, step_)) record_step();
    step_ops_->run();
    ++step_.step;
    step_.first_index += static_cast<std::uint64_t>(options_.batch);
    const double took = seconds_since(start);
    carried_.interval_s += took;
    run_s_ += took;
    ++run_steps_;
    show();
  }

  void show() {
    ProgressNumbers numbers{static_cast<std::int64_t>(step_.step), options_.steps, loss_, accuracy_, 0, 0};
    numbers.patterns_per_s = static_cast<double>(run_steps_ * options_.batch) / run_s_;
    numbers.remaining_s = static_cast<double>(options_.steps - numbers.step) * seconds_since(started_) /
                          static_cast<double>(run_steps_);
    progress_.update(numbers);
  }

  /// Reads the sums since the last line, writes them and starts new ones.
  void log() {
    const auto waiting = Clock::now();
    const LossTotals totals = network_.read_totals();
    carried_.interval_s += seconds_since(waiting);
    const double count = static_cast<double>(totals.count);
    const double loss = totals.loss_sum / count;
    const double accuracy = static_cast<double>(totals.correct) / count;
    TrainMetrics metrics{step_.step, loss, accuracy, count / carried_.interval_s, elapsed()};
    for (std::size_t head = 1; head < network_.heads(); ++head) {
      const LossTotals other = network_.read_totals(head);
      metrics.others.push_back({model_.graph.heads()[head].name, other.loss_sum / count,
                                static_cast<double>(other.correct) / count});
    }
    log_->write(metrics);
    if (!std::isfinite(loss)) throw NotFiniteError(fmt::format("the loss is {}", loss));
    check_norm();
    loss_ = loss;
    accuracy_ = accuracy;
    network_.clear_totals();
    carried_.interval_s = 0;
  }

  /// Of the gradients that the last step was clipped by. What followed from one that is not finite is none either.
  void check_norm() const {
    if (options_.clip_norm == 0) return;
    double norm = 0;
    backend_.download(parameters_.gradient_norm().data, &norm, sizeof norm);
    if (!std::isfinite(norm)) throw NotFiniteError(fmt::format("the norm of the gradients is {}", norm));
  }

  /// What the last step owes where a run was interrupted just after it, or is continued to no more than it.
  void finish_interrupted() {
    if (network_.read_totals().count > 0) log();
    if (carried_.evaluated_step && *carried_.evaluated_step != step_.step) evaluate();
    save();
  }

  bool is_exhausted() const { return options_.patience > 0 && carried_.without_gain >= options_.patience; }
  void end_early() {
    if (network_.read_totals().count > 0) log();
    progress_.note(fmt::format("step {}: {} evaluations without a gain, the run ends", step_.step,
                               carried_.without_gain));
  }

  void evaluate() {
    carried_.evaluated_step = step_.step;
    if (!evaluator_) return;
    take_average();
    const std::vector<PlacedHead>& heads = model_.graph.heads();
    std::vector<double> losses(heads.size());
    std::vector<std::int64_t> correct(heads.size());
    for_each_pattern(backend_, *evaluator_, *held_out_,
                     VisitHeads([&](const std::vector<std::span<const float>>& logits, std::int32_t label) {
                       for (std::size_t head = 0; head < heads.size(); ++head) {
                         const std::int32_t of_head = heads[head].class_of_label(label);
                         losses[head] += cross_entropy(logits[head], of_head);
                         correct[head] += arg_max(logits[head]) == of_head;
                       }
                     }));
    const double count = static_cast<double>(held_out_->size()), loss = losses.front();
    const double accuracy = static_cast<double>(correct.front()) / count;
    HeldOutMetrics metrics{step_.step, loss / count, accuracy, elapsed()};
    for (std::size_t head = 1; head < heads.size(); ++head)
      metrics.others.push_back(
          {heads[head].name, losses[head] / count, static_cast<double>(correct[head]) / count});
    log_->write(metrics);
    if (!std::isfinite(loss)) throw NotFiniteError(fmt::format("the held-out loss is {}", loss));
    held_out_figures_ = {{"held_out_loss", exact(metrics.loss)}, {"held_out_accuracy", exact(accuracy)}};
    for (const HeadMetrics& head : metrics.others)
      held_out_figures_[fmt::format("held_out_{}_accuracy", head.head)] = exact(head.accuracy);
    progress_.note(fmt::format("step {}: held-out loss {:.4f}, accuracy {:.2f} %", step_.step, loss / count,
                               100 * accuracy));
    ++carried_.without_gain;
    if (!(accuracy <= carried_.best_accuracy)) {  // the first one beats NaN
      carried_.without_gain = 0;
      carried_.best_accuracy = accuracy;
      save_model(out_ / "best.safetensors", model_, answering(), model_metadata());
    }
  }

  Metadata model_metadata() const {
    Metadata metadata = metadata_;
    metadata["step"] = std::to_string(step_.step);
    metadata["first_index"] = std::to_string(step_.first_index);
    if (carried_.evaluated_step == step_.step)
      metadata.insert(held_out_figures_.begin(), held_out_figures_.end());
    return metadata;
  }

  /// The weights are checked as they are written; the loss of the steps since the last line is checked here.
  void save() {
    check_norm();
    Metadata metadata = metadata_;
    for (std::size_t head = 0; head < network_.heads(); ++head) {
      const LossTotals totals = network_.read_totals(head);
      if (!std::isfinite(totals.loss_sum))
        throw NotFiniteError(fmt::format("the loss is {}", totals.loss_sum));
      metadata["interval_loss_sum" + suffix_of(head)] = exact(totals.loss_sum);
      metadata["interval_correct" + suffix_of(head)] = std::to_string(totals.correct);
      metadata["interval_count" + suffix_of(head)] = std::to_string(totals.count);
    }
    metadata["interval_s"] = exact(carried_.interval_s);
    metadata["elapsed_s"] = exact(elapsed());
    metadata["best_accuracy"] = exact(carried_.best_accuracy);
    metadata["evaluations_without_gain"] = std::to_string(carried_.without_gain);
    metadata["evaluated_step"] = std::to_string(carried_.evaluated_step.value_or(0));
    saved_ = Clock::now();
    save_checkpoint(out_ / "last.safetensors", model_, parameters_, step_, metadata);
  }

  Backend& backend_;
  const Model& model_;
  const TrainOptions& options_;
  BatchSource& source_;
  FiniteSource* held_out_;
  Metadata metadata_;
  std::filesystem::path out_;

  Parameters parameters_;
  std::optional<Parameters> averaged_;          ///< for inference, where the weights are averaged
  std::optional<std::uint64_t> averaged_step_;  ///< whose average they are
  Buffer state_buffer_;
  Network network_;
  std::unique_ptr<Recording> step_ops_;  ///< of a step, its batch first
  std::optional<Network> evaluator_;
  StepState step_{0, 0};  ///< the host's copy: what the device holds once it has caught up
  Carried carried_;
  Metadata held_out_figures_;  ///< of the last evaluation of this run
  std::optional<MetricsLog> log_;
  Progress progress_;
  Clock::time_point started_ = Clock::now(), saved_ = Clock::now();
  double run_s_ = 0;
  std::int64_t run_steps_ = 0;
  std::optional<double> loss_, accuracy_;
};

}  // namespace

Trainer::Trainer(Backend& backend, const Model& model, const TrainOptions& options, BatchSource& train,
                 FiniteSource* held_out, Metadata metadata, std::filesystem::path out)
    : backend_(backend),
      model_(model),
      options_(options),
      train_(train),
      held_out_(held_out),
      metadata_(std::move(metadata)),
      out_(std::move(out)) {
  check(options, model);
  if (options.patience > 0 && (held_out == nullptr || held_out->size() == 0))
    throw UsageError(fmt::format("[train] patience {} with 0 patterns held out: no evaluation to wait for",
                                 options.patience));
  const auto fits = [&](const char* what, const BatchSource& source) {
    if (source.points() != model.config.points)
      throw UsageError(fmt::format("[train] the {} patterns have {} points, the model takes {}", what,
                                   source.points(), model.config.points));
  };
  fits("training", train);
  if (held_out) fits("held-out", *held_out);
}

TrainResult Trainer::run(bool resume, const std::function<bool()>& stop_requested,
                         const std::function<void()>& before_writing) {
  Run run(backend_, model_, options_, train_, held_out_, metadata_, out_);
  if (resume)
    run.resume();
  else
    run.start();
  if (before_writing) before_writing();
  run.open();
  return run.train(stop_requested);
}

}  // namespace bragg::nn
