/** The programs that a person can run, by name: `quern train NAME`. */
import { irisSpecies } from '../data/iris.js';
import { imagingCnnDefaults, trainImagingCnn } from './imaging-cnn.js';
import { irisDefaults, trainIris } from './iris.js';
import { linearRegressionDefaults, trainLinearRegression } from './linear-regression.js';
import { logisticRegressionDefaults, trainLogisticRegression } from './logistic-regression.js';
import { mnistCnnDefaults, type MnistResult, trainMnistCnn } from './mnist-cnn.js';
import { mnistMlpDefaults, trainMnistMlp, trainMnistMlpLarge } from './mnist-mlp.js';
import { residualCnnDefaults, trainResidualCnn } from './residual-cnn.js';
import type { Defaults, Job, Trained } from './training.js';

export interface ModelProgram {
  /** One line for people. */
  readonly about: string;
  readonly defaults: Defaults;
  /** Whether it takes a folder of class-named images. */
  readonly takesImages?: boolean;
  readonly train: (job: Job) => Promise<Trained>;
  /** What the classes are called; their numbers unless said. */
  readonly classNames?: readonly string[];
}

/** Of the two models that the program makes, the small one is served. */
function smallOf({ paths, int8, test, ...rest }: MnistResult): Trained {
  const { accuracyFloat32, accuracyInt8, bytesFloat32, bytesInt8, msPerEpoch } = rest;
  const measured = { accuracyFloat32, accuracyInt8, bytesFloat32, bytesInt8, msPerEpoch };
  return { path: paths.int8, served: int8, test, measured };
}

export const modelPrograms = {
  'mnist-cnn': {
    about: 'digits, three convolutions, also as int8',
    defaults: mnistCnnDefaults,
    train: async (job) => smallOf(await trainMnistCnn(job)),
  },
  'mnist-mlp': { about: 'digits, two dense layers', defaults: mnistMlpDefaults, train: trainMnistMlp },
  'mnist-mlp-large': {
    about: 'digits, a dense layer of 1,000 units, by plain gradient descent',
    defaults: mnistMlpDefaults,
    train: trainMnistMlpLarge,
  },
  'imaging-cnn': {
    about: 'MNIST or a folder of images, two convolutions, augmented',
    defaults: imagingCnnDefaults,
    takesImages: true,
    train: trainImagingCnn,
  },
  'residual-cnn': { about: 'digits, a small residual network', defaults: residualCnnDefaults, train: trainResidualCnn },
  iris: { about: 'irises by four lengths', defaults: irisDefaults, train: trainIris, classNames: irisSpecies },
  'linear-regression': {
    about: 'a line through noisy numbers',
    defaults: linearRegressionDefaults,
    train: trainLinearRegression,
  },
  'logistic-regression': {
    about: 'a line between two classes',
    defaults: logisticRegressionDefaults,
    train: trainLogisticRegression,
  },
} as const satisfies Readonly<Record<string, ModelProgram>>;

export type ModelProgramName = keyof typeof modelPrograms;
